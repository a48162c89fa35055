"""Light curves: white light and its residuals, every wavelength at once, noise against bin size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ariel_kit.core.errors import FitError
from ariel_kit.core.instruments import wavelengths
from ariel_kit.core.observation import Observation
from ariel_kit.core.spectrum import Spectrum, WhiteLightCurve
from ariel_kit.plots.style import PPM, legend, merged, new_axes, note, palette, panels, title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHORT_BIN = 48.0
"""Seconds; where the curve of noise against bin size begins."""


class WhiteCurve(NamedTuple):
    """The white light curve of an observation and its fit, all relative to the star's level."""

    time: np.ndarray
    raw: np.ndarray
    drift: np.ndarray
    model: np.ndarray
    noise: np.ndarray

    @property
    def residual(self) -> np.ndarray:
        """Data minus model, in ppm of the star."""
        return (self.raw - self.model) * PPM


def white_curve(light: Observation | Spectrum, *, seconds: float = 144.0) -> WhiteCurve:
    """Give white light beside its fit: the one a spectrum came from, or one of an observation.

    Parameters
    ----------
    light : Spectrum or Observation
        A fitted spectrum, whose first visit is shown as its own fit had it; or an observation,
        whose white light is then fitted by itself.
    seconds : float
        Length of a time bin of an observation.

    Returns
    -------
    WhiteCurve

    Raises
    ------
    FitError
        If the light curve is not positive and finite, or the planet of the spectrum has no fit.
    """
    curve = _own_fit(light) if isinstance(light, Spectrum) else _fit_now(light, seconds)
    level = np.median((curve.model / curve.drift)[[0, -1]])
    flux, model, noise = (values / level for values in (curve.flux, curve.model, curve.noise))
    return WhiteCurve(curve.time, flux, curve.drift, model, noise)


def _own_fit(spectrum: Spectrum) -> WhiteLightCurve:
    if not spectrum.white_light:
        raise FitError(
            f"planet {spectrum.planet_id} has no white-light fit to draw: it was not fitted. Draw "
            "its observation."
        )
    return spectrum.white_light[0]


def _fit_now(observation: Observation, seconds: float) -> WhiteLightCurve:
    from ariel_kit.light_curve.checks import summed
    from ariel_kit.light_curve.drift import default_drift, time_basis
    from ariel_kit.light_curve.limb_darkening import limb_darkening_of
    from ariel_kit.light_curve.white_light import fit_white_light

    visit, prior = observation.visit(seconds), default_drift()
    time, span, flux, noise = summed([visit.airs])
    pair = limb_darkening_of([visit])
    fit = fit_white_light(time, span, flux, noise, prior.covariance, limb_darkening=pair)
    drift = np.exp(time_basis(time, prior.degree) @ fit.drift[0])
    return WhiteLightCurve(time, span, flux[0], noise[0], drift, fit.model[0])


def plot_white_light_curve(
    observation: Observation | Spectrum,
    *,
    seconds: float = 144.0,
    ax: Axes | None = None,
    **kwargs: Any,
) -> np.ndarray:
    """Plot the white light curve: raw, drift removed, model; below it the residuals in ppm.

    Parameters
    ----------
    observation : Observation or Spectrum
        As in `white_curve`.
    seconds : float
        Length of a time bin.
    ax : Axes, optional
        Whose place is used.
    **kwargs
        Keywords of `matplotlib.axes.Axes.plot` for the data without drift.

    Returns
    -------
    ndarray [shape=(2,), dtype=object]
        The Axes of the light curve and of the residuals.

    Examples
    --------
    >>> from ariel_kit.simulation import draw_planets, simulate_observation
    >>> (planet,) = draw_planets(1, seed=3)
    >>> _, below = plot_white_light_curve(simulate_observation(planet, seed=0))
    >>> below.get_ylabel()
    'residual (ppm)'
    """
    upper, lower = panels(ax, heights=(2.4, 1))
    colours, curve = palette(upper), white_curve(observation, seconds=seconds)
    depth = np.ptp(curve.model / curve.drift)
    shift = 0.35 * depth + 1 - curve.drift.min()  # the raw curve stands above the corrected one
    dots: dict[str, Any] = {"ls": "", "marker": ".", "ms": 4}
    raw, clean = curve.raw + shift, curve.raw / curve.drift
    upper.plot(curve.time, raw, **dots, color=colours.quiet, label="raw, shifted up")
    upper.plot(curve.time, curve.drift + shift, "--", color=colours.ink, lw=1, label="drift")
    look = {**dots, "color": colours.data, "label": "drift removed"}
    upper.plot(curve.time, clean, **merged(look, kwargs))
    transit = curve.model / curve.drift
    upper.plot(curve.time, transit, "-", color=colours.model, lw=1.2, label="transit model")
    title(upper, f"Planet {observation.planet_id}: white light, AIRS summed")
    upper.set_ylabel("flux relative to the star")
    upper.set_ylim(1 - 1.65 * depth, None)
    legend(upper, ncols=4, loc="lower center", columnspacing=1, handletextpad=0.4, handlelength=1.6)
    upper.tick_params(labelbottom=False)
    lower.sharex(upper)
    lower.axhline(0, color=colours.model, lw=1)
    errors: dict[str, Any] = {"fmt": ".", "ms": 3, "elinewidth": 0.5}
    lower.errorbar(curve.time, curve.residual, curve.noise * PPM, color=colours.data, **errors)
    lower.set(xlabel="time (hours)", ylabel="residual (ppm)")
    note(lower, f"{curve.residual.std():.0f} ppm rms, {np.median(curve.noise) * PPM:.0f} expected")
    return np.array([upper, lower])


def plot_light_curve_map(
    observation: Observation, *, seconds: float = 144.0, ax: Axes | None = None, **kwargs: Any
) -> Axes:
    """Draw every AIRS light curve at once: time across, wavelength up, relative flux as colour.

    Parameters
    ----------
    observation : Observation
    seconds : float
        Length of a time bin.
    ax : Axes, optional
    **kwargs
        Keywords of `matplotlib.axes.Axes.pcolormesh`.

    Returns
    -------
    Axes

    Examples
    --------
    >>> from ariel_kit.simulation import draw_planets, simulate_observation
    >>> (planet,) = draw_planets(1, seed=3)
    >>> plot_light_curve_map(simulate_observation(planet, seed=0)).get_ylabel()
    'wavelength (µm)'
    """
    ax, (airs, _) = new_axes(ax), observation.binned(seconds)
    deviation = (airs.flux / np.median(airs.flux, axis=0) - 1).T * PPM
    low, high = np.percentile(deviation, [1, 99])
    limits = {} if "norm" in kwargs else {"vmin": low, "vmax": high}
    look = {"cmap": "cividis", "shading": "nearest", "rasterized": True, **limits}
    ax.grid(visible=False)
    mesh = ax.pcolormesh(airs.time, wavelengths()[1:], deviation, **merged(look, kwargs))
    bar = ax.figure.colorbar(mesh, ax=ax, label="flux relative to its median (ppm)")
    bar.outline.set_visible(False)
    ax.set(xlabel="time (hours)", ylabel="wavelength (µm)")
    title(ax, f"Planet {observation.planet_id}: every light curve")
    return ax


def plot_residual_rms(
    observation: Observation | Spectrum, *, ax: Axes | None = None, **kwargs: Any
) -> Axes:
    """Plot the rms of white-light residuals against bin size: white noise falls with the root.

    The rms of white residuals would lie within the band in two of three visits; the fewer bins
    there are, the wider it is.

    Parameters
    ----------
    observation : Observation or Spectrum
        As in `white_curve`; the shortest bin is that of the spectrum's fit.
    ax : Axes, optional
    **kwargs
        Keywords of `matplotlib.axes.Axes.loglog` for the residuals.

    Returns
    -------
    Axes

    Examples
    --------
    >>> from ariel_kit.simulation import draw_planets, simulate_observation
    >>> (planet,) = draw_planets(1, seed=3)
    >>> plot_residual_rms(simulate_observation(planet, seed=0, bin_seconds=48.0)).get_xlabel()
    'bin (minutes)'
    """
    ax, curve = new_axes(ax), white_curve(observation, seconds=SHORT_BIN)
    colours, n = palette(ax), len(curve.time)
    sizes = np.unique(np.geomspace(1, max(1, n // 8), 20).astype(int))
    rms = [_block_means(curve.residual, size).std() for size in sizes]
    minutes = sizes * float(np.median(np.diff(curve.time))) * 60
    expected = np.sqrt(np.mean(curve.noise**2)) * PPM / np.sqrt(sizes)
    spread = 1 / np.sqrt(2 * np.maximum(n // sizes - 1, 1))
    band = (expected * (1 - spread), expected * (1 + spread))
    ax.fill_between(minutes, *band, color=colours.model, alpha=0.2, lw=0)
    ax.loglog(minutes, expected, "--", color=colours.model, label="photon and read noise, white")
    line = {"marker": "o", "color": colours.data, "ms": 4, "label": "residuals of the white fit"}
    ax.loglog(minutes, rms, **merged(line, kwargs))
    ax.set(xlabel="bin (minutes)", ylabel="rms (ppm)")
    title(ax, f"Planet {observation.planet_id}: residuals against bin size")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter("{x:g}")
    legend(ax)
    return ax


def _block_means(values: np.ndarray, size: int) -> np.ndarray:
    whole = len(values) // size * size
    return values[:whole].reshape(-1, size).mean(axis=1)
