"""Draw light curves: white light and its residuals, every wavelength, noise against bin size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ariel_kit.core.errors import FitError
from ariel_kit.core.instruments import wavelengths
from ariel_kit.core.observation import Observation
from ariel_kit.core.spectrum import Spectrum
from ariel_kit.light_curve.residuals import find_residuals
from ariel_kit.plots.style import (
    PPM,
    headroom,
    legend,
    merged,
    new_axes,
    note,
    palette,
    panels,
    plain_logs,
    title,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


LEGEND_SHARE = 0.2
"""Height of the space for the legend below a white light curve, relative to the curve's height."""
BLOCK = 6
"""Number of neighbouring wavelengths that a map of residuals averages; it divides 282."""
MOST_SIGMA = 4.0
"""Residual, in sigmas, at the ends of the colour scale of a residual map."""


class _Relative(NamedTuple):
    """White light over the level of the star; all [shape=(time,), dtype=float64]."""

    time: np.ndarray
    raw: np.ndarray
    noise: np.ndarray
    drift: np.ndarray
    transit: np.ndarray

    @property
    def residual(self) -> np.ndarray:
        """Data minus model, in ppm of the star."""
        return (self.raw - self.drift * self.transit) * PPM


def plot_white_light_curve(
    spectrum: Spectrum, *, visit: int = 0, ax: Axes | None = None, **kwargs: Any
) -> np.ndarray:
    """Plot the white light that was fitted: raw, drift removed, model; below it the residuals.

    Parameters
    ----------
    spectrum : Spectrum
        As the fit made it, with its `white_light`.
    visit : int
        Which visit, where a planet has several.
    ax : Axes, optional
        The picture's panels divide the place of these Axes.
    **kwargs
        Keywords of `matplotlib.axes.Axes.plot` for the data without drift.

    Returns
    -------
    ndarray [shape=(2,), dtype=object]
        The Axes of the light curve and of the residuals.

    Raises
    ------
    FitError
        If there is no such fit.

    Examples
    --------
    >>> from ariel_kit.core.spectrum import WhiteLightCurve
    >>> time, ones = np.linspace(0, 7, 50), np.ones(50)
    >>> transit = np.where(abs(time - 3.5) < 1.3, 0.996, 1.0)
    >>> light = WhiteLightCurve(time, 0.14 * ones, 1e9 * transit, 1e5 * ones, ones, 1e9 * transit)
    >>> spectrum = Spectrum(7, np.ones(283), np.full(283, 0.004), np.full(283, 3e-5))
    >>> from dataclasses import replace
    >>> _, below = plot_white_light_curve(replace(spectrum, white_light=(light,)))
    >>> below.get_ylabel()
    'residual (ppm)'
    """
    curve = _relative(spectrum, visit)
    upper, lower = panels(ax, heights=(2.4, 1))
    _draw_white_light(upper, curve, kwargs)
    title(upper, f"Planet {spectrum.planet_id}: white light, AIRS summed")
    upper.tick_params(labelbottom=False)
    lower.sharex(upper)
    _draw_residuals(lower, curve)
    return np.array([upper, lower])


def _relative(spectrum: Spectrum, visit: int) -> _Relative:
    """Divide the white light of a visit by the level of the star outside the transit."""
    if not 0 <= visit < len(spectrum.white_light):
        raise FitError(
            f"planet {spectrum.planet_id} must have a white-light fit of visit {visit} to draw; it "
            f"has {len(spectrum.white_light)}. Draw a spectrum as the fit or the run returned it."
        )
    light = spectrum.white_light[visit]
    star = light.model / light.drift
    level = np.median(star[[0, -1]])
    return _Relative(light.time, light.flux / level, light.noise / level, light.drift, star / level)


def _draw_white_light(ax: Any, curve: _Relative, given: dict[str, Any]) -> None:
    """Draw the raw curve with its drift above the corrected one with its transit."""
    colours, depth = palette(ax), np.ptp(curve.transit)
    shift = 0.35 * depth + 1 - curve.drift.min()
    dots: dict[str, Any] = {"ls": "", "marker": ".", "ms": 4}
    look = {**dots, "color": colours.data, "label": "drift removed"}
    ax.plot(curve.time, curve.raw + shift, **dots, color=colours.quiet, label="raw, shifted up")
    ax.plot(curve.time, curve.drift + shift, "--", color=colours.ink, lw=1, label="drift")
    clean = curve.raw / curve.drift
    ax.plot(curve.time, clean, **merged(look, given))
    ax.plot(curve.time, curve.transit, "-", color=colours.model, lw=1.2, label="transit model")
    ax.set_ylabel("flux relative to the star")
    low, high = min(np.min(clean), 1 - 1.05 * depth), ax.get_ylim()[1]
    ax.set_ylim(low - LEGEND_SHARE * (high - low), high)
    legend(ax, ncols=4, loc="lower center", columnspacing=1, handletextpad=0.4, handlelength=1.6)


def _draw_residuals(ax: Any, curve: _Relative) -> None:
    colours, noise = palette(ax), curve.noise * PPM
    errors: dict[str, Any] = {"fmt": ".", "ms": 3, "elinewidth": 0.5}
    ax.axhline(0, color=colours.model, lw=1)
    ax.errorbar(curve.time, curve.residual, noise, color=colours.data, **errors)
    ax.set(xlabel="time (hours)", ylabel="residual (ppm)")
    note(ax, f"{curve.residual.std():.0f} ppm rms, {np.median(noise):.0f} expected")
    headroom(ax, 0.25)


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


def plot_residual_map(
    observation: Observation,
    spectrum: Spectrum,
    *,
    visit: int = 0,
    ax: Axes | None = None,
    **kwargs: Any,
) -> Axes:
    """Draw the residuals of every AIRS light curve: data minus model, over the noise.

    A good fit leaves noise without a pattern. A vertical stripe is an event at all wavelengths; a
    horizontal stripe is a wavelength whose depth or noise is wrong.

    Parameters
    ----------
    observation : Observation
        The calibrated visit.
    spectrum : Spectrum
        Of the same planet, as the fit or the run left it.
    visit : int
        Which visit of the planet `observation` is.
    ax : Axes, optional
    **kwargs
        Keywords of `matplotlib.axes.Axes.pcolormesh`.

    Returns
    -------
    Axes

    Raises
    ------
    FitError
        If there is no such fit, or it is of another visit.

    Examples
    --------
    >>> from ariel_kit.core.config import ExtractionSettings
    >>> from ariel_kit.simulation import draw_planets, simulate_observation
    >>> from ariel_kit.spectral_extraction import fit_planets, simulated_prior
    >>> observation = simulate_observation(draw_planets(1, seed=3)[0], seed=0)
    >>> white = ExtractionSettings(extractor="white")
    >>> (spectrum,) = fit_planets([observation], prior=simulated_prior(), settings=white)
    >>> plot_residual_map(observation, spectrum).get_xlabel()
    'time (hours)'
    """
    ax, (time, residual) = new_axes(ax), find_residuals(observation, spectrum, visit=visit)
    shown = _in_blocks(residual)
    limits = {} if "norm" in kwargs else {"vmin": -MOST_SIGMA, "vmax": MOST_SIGMA}
    look = {"cmap": "RdBu_r", "shading": "nearest", "rasterized": True, **limits}
    micron = wavelengths()[1:].reshape(-1, BLOCK).mean(axis=1)
    ax.grid(visible=False)
    mesh = ax.pcolormesh(time, micron, shown.T, **merged(look, kwargs))
    bar = ax.figure.colorbar(mesh, ax=ax, label="data minus model (sigma)", extend="both")
    bar.outline.set_visible(False)
    ax.set(xlabel="time (hours)", ylabel="wavelength (µm)")
    title(ax, f"Planet {spectrum.planet_id}: residuals of every light curve")
    return ax


def _in_blocks(residual: np.ndarray) -> np.ndarray:
    """Average neighbouring wavelengths, so that a pattern stands out from the noise."""
    joined = residual.reshape(len(residual), -1, BLOCK)
    return np.asarray(joined.sum(axis=2) / np.sqrt(BLOCK))


def plot_residual_rms(
    spectrum: Spectrum, *, visit: int = 0, ax: Axes | None = None, **kwargs: Any
) -> Axes:
    """Plot the rms of white-light residuals against bin size, beside white noise.

    The band holds the rms of purely white residuals in two of three visits. It is wider where there
    are fewer bins.

    Parameters
    ----------
    spectrum : Spectrum
        As the fit made it, with its `white_light`.
    visit : int
        Which visit, where a planet has several.
    ax : Axes, optional
    **kwargs
        Keywords of `matplotlib.axes.Axes.loglog` for the residuals.

    Returns
    -------
    Axes

    Raises
    ------
    FitError
        If there is no such fit.

    Examples
    --------
    >>> from ariel_kit.core.config import ExtractionSettings
    >>> from ariel_kit.simulation import draw_planets, simulate_observation
    >>> from ariel_kit.spectral_extraction import fit_planets, simulated_prior
    >>> visits = [simulate_observation(draw_planets(1, seed=3)[0], seed=0)]
    >>> white = ExtractionSettings(extractor="white")
    >>> (spectrum,) = fit_planets(visits, prior=simulated_prior(), settings=white)
    >>> plot_residual_rms(spectrum).get_xlabel()
    'bin (minutes)'
    """
    ax, curve = new_axes(ax), _relative(spectrum, visit)
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
    title(ax, f"Planet {spectrum.planet_id}: residuals against bin size")
    plain_logs(ax)
    legend(ax)
    return ax


def _block_means(values: np.ndarray, size: int) -> np.ndarray:
    whole = len(values) // size * size
    return values[:whole].reshape(-1, size).mean(axis=1)
