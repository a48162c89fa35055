"""Diagnostic pictures: each takes ``ax=None`` and returns the Axes it drew on.

Colours are those of Okabe and Ito, which colour-blind readers can tell apart. Matplotlib is
imported on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ariel_kit.dataset import Calibration, Labels
from ariel_kit.errors import check_shape
from ariel_kit.instruments import N_WAVELENGTHS, wavelengths
from ariel_kit.observation import Observation, Spectrum

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

BLUE, ORANGE, GREEN, RED, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#7F7F7F"
PPM = 1e6


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


def white_curve(observation: Observation, *, seconds: float = 144.0) -> WhiteCurve:
    """Sum AIRS over wavelengths and fit it with transit and drift.

    Parameters
    ----------
    observation : Observation
    seconds : float
        Length of a time bin.

    Returns
    -------
    WhiteCurve

    Raises
    ------
    FitError
        If the light curve is not positive and finite.
    """
    from ariel_kit.drift import default_drift, time_basis
    from ariel_kit.white_light import fit_white_light

    airs, _ = observation.binned(seconds)
    flux, noise = airs.flux.sum(axis=1), np.sqrt((airs.noise**2).sum(axis=1))
    prior = default_drift()
    fit = fit_white_light(airs.time, airs.span, flux[None], noise[None], prior.covariance)
    drift = np.exp(time_basis(airs.time, prior.degree) @ fit.drift[0])
    level = np.median((fit.model[0] / drift)[[0, -1]])
    return WhiteCurve(airs.time, flux / level, drift, fit.model[0] / level, noise / level)


def plot_white_light_curve(
    observation: Observation, *, seconds: float = 144.0, ax: Axes | None = None
) -> Axes:
    """White light curve: raw, drift removed, model; below it the residuals in ppm.

    Parameters
    ----------
    observation : Observation
    seconds : float
        Length of a time bin.
    ax : Axes, optional

    Returns
    -------
    Axes
        The upper panel; the residuals hang below it.
    """
    ax, curve = _axes(ax), white_curve(observation, seconds=seconds)
    depth = np.ptp(curve.model / curve.drift)
    shift = 0.35 * depth  # the raw curve stands above the corrected one
    ax.plot(curve.time, curve.raw + shift, ".", color=GREY, ms=3, label="raw, shifted up")
    ax.plot(curve.time, curve.drift + shift, "-", color=ORANGE, lw=1, label="fitted drift")
    ax.plot(curve.time, curve.raw / curve.drift, ".", color=BLUE, ms=3, label="drift removed")
    ax.plot(curve.time, curve.model / curve.drift, "-", color=RED, lw=1, label="transit model")
    ax.set(ylabel="flux relative to the star", title=f"Planet {observation.planet_id}, AIRS summed")
    ax.set_ylim(1 - 1.5 * depth, None)
    ax.legend(ncols=2, fontsize="small", loc="lower center")
    ax.tick_params(labelbottom=False)
    below = ax.inset_axes((0, -0.38, 1, 0.33), sharex=ax)
    below.axhline(0, color=RED, lw=1)
    errors = {"fmt": ".", "color": BLUE, "ms": 3, "elinewidth": 0.5}
    below.errorbar(curve.time, curve.residual, curve.noise * PPM, **errors)
    small = {"fontsize": "small", "bbox": {"facecolor": "white", "lw": 0, "alpha": 0.8, "pad": 1}}
    rms = f"{curve.residual.std():.0f} ppm rms, {np.median(curve.noise) * PPM:.0f} expected"
    below.set(xlabel="time (hours)", ylabel="residual (ppm)")
    below.text(0.99, 0.95, rms, transform=below.transAxes, ha="right", va="top", **small)
    return ax


def plot_light_curve_map(
    observation: Observation, *, seconds: float = 144.0, ax: Axes | None = None
) -> Axes:
    """Every AIRS light curve at once: time across, wavelength up, relative flux as colour.

    Parameters
    ----------
    observation : Observation
    seconds : float
        Length of a time bin.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax, (airs, _) = _axes(ax), observation.binned(seconds)
    deviation = (airs.flux / np.median(airs.flux, axis=0) - 1).T * PPM
    low, high = np.percentile(deviation, [1, 99])
    colours = {"cmap": "cividis", "vmin": low, "vmax": high, "shading": "nearest"}
    mesh = ax.pcolormesh(airs.time, wavelengths()[1:], deviation, rasterized=True, **colours)
    ax.figure.colorbar(mesh, ax=ax, label="flux relative to its median (ppm)")
    title = f"Planet {observation.planet_id}, light curves"
    ax.set(xlabel="time (hours)", ylabel="wavelength (µm)", title=title)
    return ax


def plot_spectrum(
    spectrum: Spectrum, truth: np.ndarray | None = None, *, ax: Axes | None = None
) -> Axes:
    """A transmission spectrum with one and two sigma, and the truth where it is known.

    Parameters
    ----------
    spectrum : Spectrum
    truth : ndarray [shape=(283,)], optional
        True transit depth.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = _axes(ax)
    micron, mean, sigma = spectrum.wavelength, spectrum.mean * PPM, spectrum.sigma * PPM
    for k, alpha in ((2, 0.15), (1, 0.3)):
        low, high = mean - k * sigma, mean + k * sigma
        label = f"{k} sigma"
        ax.fill_between(micron[1:], low[1:], high[1:], color=BLUE, alpha=alpha, lw=0, label=label)
    ax.plot(micron[1:], mean[1:], color=BLUE, lw=1, label="AIRS")
    ax.errorbar(micron[0], mean[0], sigma[0], fmt="o", color=ORANGE, ms=4, label="FGS1")
    if truth is not None:
        check_shape("truth", np.shape(truth), {"wavelength": N_WAVELENGTHS})
        ax.plot(micron[1:], truth[1:] * PPM, color="black", lw=1, ls="--", label="truth")
        ax.plot(micron[0], truth[0] * PPM, "x", color="black", ms=5)
    ax.set(xlabel="wavelength (µm)", ylabel="transit depth (ppm)")
    ax.set_title(f"Planet {spectrum.planet_id}, spectrum")
    ax.legend(ncols=3, fontsize="small")
    return ax


def plot_residual_rms(observation: Observation, *, ax: Axes | None = None) -> Axes:
    """White-light residuals averaged over ever longer bins: white noise falls with the root.

    Parameters
    ----------
    observation : Observation
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax, curve = _axes(ax), white_curve(observation, seconds=48.0)
    n = len(curve.time)
    sizes = np.unique(np.geomspace(1, max(1, n // 8), 20).astype(int))
    rms = [_block_means(curve.residual, size).std() for size in sizes]
    minutes = sizes * 48.0 / 60
    expected = np.sqrt(np.mean(curve.noise**2)) * PPM / np.sqrt(sizes)
    ax.loglog(minutes, rms, "o-", color=BLUE, ms=4, label="residuals of the white light fit")
    ax.loglog(minutes, expected, "--", color=RED, label="photon and read noise, white")
    ax.set(xlabel="bin (minutes)", ylabel="rms (ppm)")
    ax.set_title(f"Planet {observation.planet_id}, residuals against bin size")
    ax.legend(fontsize="small")
    return ax


def plot_bad_pixels(calibration: Calibration, *, name: str = "", ax: Axes | None = None) -> Axes:
    """Where the dead, hot and wild pixels are.

    Parameters
    ----------
    calibration : Calibration
    name : str
        Of the instrument, for the title.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    from ariel_kit.preprocessing.badpixels import find_bad_pixels

    ax, bad = _axes(ax), find_bad_pixels(calibration)
    height, width = bad.dead.shape
    hot, wild = bad.hot & ~bad.dead, bad.wild & ~(bad.hot | bad.dead)  # each pixel once
    for kind, mask, colour in (("dead", bad.dead, GREY), ("hot", hot, RED), ("wild", wild, BLUE)):
        rows, columns = np.nonzero(mask)
        ax.plot(columns, rows, "s", color=colour, ms=4, label=f"{kind}: {len(rows)}")
    ax.set(xlabel="column (pixel)", ylabel="row (pixel)", xlim=(-1, width), ylim=(height, -1))
    ax.set_title(f"{name} bad pixels".strip(), loc="left")
    ax.legend(ncols=3, fontsize="small", loc="lower right", bbox_to_anchor=(1, 1))
    return ax


def plot_calibration_of_sigma(
    spectra: Sequence[Spectrum], truth: Labels, *, ax: Axes | None = None
) -> Axes:
    """Is sigma honest: z-scores against the unit Gaussian, and coverage against its promise.

    Parameters
    ----------
    spectra : sequence of Spectrum
    truth : Labels
        True spectra of these planets.
    ax : Axes, optional

    Returns
    -------
    Axes
        The histogram; coverage is inset.

    Raises
    ------
    UnknownNameError
        If a planet has no true spectrum.
    """
    from scipy.stats import norm

    ax = _axes(ax)
    depths = truth.of([spectrum.planet_id for spectrum in spectra])
    z = np.array([(s.mean - d) / s.sigma for s, d in zip(spectra, depths, strict=True)]).ravel()
    grid = np.linspace(-4, 4, 81)
    ax.hist(np.clip(z, -4, 4), bins=grid[::2], density=True, color=BLUE, alpha=0.5, label="found")
    ax.plot(grid, norm.pdf(grid), "--", color=RED, label="unit Gaussian")
    ax.set(xlabel="(mean - truth) / sigma", ylabel="density", xlim=(-4, 4))
    ax.set_title(f"Honesty of sigma, {len(spectra)} planets, z std {z.std():.2f}")
    ax.legend(fontsize="small", loc="upper left")
    ax.set_ylim(0, 1.7 * ax.get_ylim()[1])  # headroom for legend and inset
    inset = ax.inset_axes((0.72, 0.58, 0.26, 0.38))
    promised = np.linspace(0, 1, 41)
    found = [np.mean(np.abs(z) <= norm.ppf(0.5 + share / 2)) for share in promised]
    inset.plot(promised, promised, "--", color=RED, lw=1)
    inset.plot(promised, found, color=BLUE, lw=1.5)
    inset.set_xlabel("promised", fontsize="small")
    inset.set_ylabel("covered", fontsize="small")
    inset.tick_params(labelsize="small")
    return ax


def _axes(ax: Axes | None) -> Any:
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=(7, 4), layout="constrained")[1]


def _block_means(values: np.ndarray, size: int) -> np.ndarray:
    whole = len(values) // size * size
    return values[:whole].reshape(-1, size).mean(axis=1)
