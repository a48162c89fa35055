"""Draw the detectors: bad pixels, the star's image, the pointing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ariel_kit.core.errors import check_shape
from ariel_kit.core.instruments import AIRS, FGS1, N_AIRS
from ariel_kit.core.observation import Observation
from ariel_kit.data.calibration_maps import Calibration
from ariel_kit.plots.style import (
    PPM,
    TALL,
    headroom,
    legend,
    merged,
    new_axes,
    palette,
    panels,
    title,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SPECTRUM_BANDS = 64
"""Number of frequencies at which the noise of a pointing picture is shown."""
LEAST_SHARE = 1e-5
"""Smallest share of a column's light that a row profile shows."""


def plot_bad_pixels(
    calibration: Calibration, *, name: str = "", ax: Axes | None = None, **kwargs: Any
) -> Axes:
    """Show where the dead, hot and wild pixels are.

    Parameters
    ----------
    calibration : Calibration
    name : str
        Of the instrument, for the title.
    ax : Axes, optional
    **kwargs
        Keywords of `matplotlib.axes.Axes.plot` for the markers.

    Returns
    -------
    Axes

    Examples
    --------
    >>> from ariel_kit.core.instruments import FGS1
    >>> from ariel_kit.simulation.calibration_frames import draw_detector
    >>> detector = draw_detector(np.random.default_rng(0), FGS1)
    >>> plot_bad_pixels(detector.calibration, name="FGS1").get_title(loc="left")
    'FGS1: bad pixels'
    """
    from ariel_kit.preprocessing.badpixels import find_bad_pixels

    ax, bad = new_axes(ax), find_bad_pixels(calibration)
    colours, (height, width) = palette(ax), bad.dead.shape
    hot, wild = bad.hot & ~bad.dead, bad.wild & ~(bad.hot | bad.dead)  # each pixel once
    for kind, mask, marker, colour in (
        ("dead", bad.dead, "s", colours.quiet),
        ("hot", hot, "^", colours.model),
        ("wild", wild, "o", colours.data),
    ):
        rows, columns = np.nonzero(mask)
        dots = {"ls": "", "marker": marker, "color": colour, "ms": 4}
        ax.plot(columns, rows, **merged({**dots, "label": f"{kind}: {len(rows)}"}, kwargs))
    ax.set(xlabel="column (pixel)", ylabel="row (pixel)", xlim=(-1, width), ylim=(-1, height))
    title(ax, f"{name}: bad pixels".removeprefix(": "))
    legend(ax, ncols=3, loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0.2)
    return ax


def plot_profiles(
    airs_image: np.ndarray, fgs1_image: np.ndarray, *, ax: Axes | None = None, **kwargs: Any
) -> np.ndarray:
    """Show where the light falls: the row profile of AIRS, and the image of the star on FGS1.

    Parameters
    ----------
    airs_image : ndarray [shape=(32, 282), unit=electron]
        Mean CDS frame, wavelength ascending; see `ariel_kit.preprocessing.mean_image`.
    fgs1_image : ndarray [shape=(32, 32), unit=electron]
    ax : Axes, optional
        The picture's panels divide the place of these Axes.
    **kwargs
        Keywords of `matplotlib.axes.Axes.step` for the row profiles.

    Returns
    -------
    ndarray [shape=(2,), dtype=object]
        The Axes of the profile and of the image.

    Raises
    ------
    ShapeError
        If an image does not have its detector's shape.

    Examples
    --------
    >>> rows = np.exp(-0.5 * ((np.arange(32) - 15.5) / 1.2) ** 2)
    >>> profile, _ = plot_profiles(1e5 * rows[:, None] * np.ones(282), np.outer(rows, rows))
    >>> profile.get_xlabel()
    'row (pixel)'
    """
    check_shape("airs_image", airs_image.shape, {"y": AIRS.height, "wavelength": N_AIRS})
    check_shape("fgs1_image", fgs1_image.shape, {"y": FGS1.height, "x": FGS1.width})
    left, right = panels(ax, widths=(1.15, 1))
    _draw_rows(left, airs_image, kwargs)
    _draw_star(right, fgs1_image)
    return np.array([left, right])


def _draw_rows(ax: Any, image: np.ndarray, given: Mapping[str, Any]) -> None:
    """Draw the share of the light in each row, at both ends of the spectrum and over all of it."""
    colours, rows, inside = palette(ax), np.arange(AIRS.height), AIRS.signal_rows
    third = N_AIRS // 3
    for columns, line, colour, label in (
        (slice(None, third), ":", colours.other, "short third"),
        (slice(-third, None), "--", colours.model, "long third"),
        (slice(None), "-", colours.data, "all wavelengths"),
    ):
        light = image[:, columns].sum(axis=1)
        steps = {"where": "mid", "ls": line, "color": colour, "lw": 1.3, "label": label}
        ax.step(rows, light / light.sum(), **merged(steps, given))
    edges = (inside.start - 0.5, inside.stop - 0.5)
    ax.axvspan(*edges, color=colours.quiet, alpha=0.15, lw=0, label="rows that are read")
    ax.set(xlabel="row (pixel)", ylabel="share of the light", yscale="log", xlim=(-0.5, 31.5))
    title(ax, "AIRS-CH0: row profile")
    legend(ax, fontsize="x-small", loc="upper left")
    ax.set_ylim(max(ax.get_ylim()[0], LEAST_SHARE), None)
    headroom(ax, 0.35)


def _draw_star(ax: Any, image: np.ndarray) -> None:
    """Draw an image over three decades of brightness, so that both core and wings show."""
    from matplotlib.colors import LogNorm

    peak = float(image.max())
    norm = LogNorm(vmin=peak / 1e3, vmax=peak, clip=True)
    ax.grid(visible=False)
    drawn = ax.imshow(np.maximum(image, peak / 1e3), norm=norm, cmap="cividis", origin="lower")
    bar = ax.figure.colorbar(drawn, ax=ax, label="electrons per frame", shrink=0.85)
    bar.outline.set_visible(False)
    ax.set(xlabel="column (pixel)", ylabel="row (pixel)")
    title(ax, "FGS1: image of the star")


def plot_pointing(
    before: Observation,
    after: Observation,
    *,
    seconds: float = 144.0,
    ax: Axes | None = None,
    **kwargs: Any,
) -> np.ndarray:
    """Plot the pointing, and FGS1 before and after the correction of jitter.

    Parameters
    ----------
    before, after : Observation
        The same visit before and after the jitter stage. Give the same value twice to show an
        observation that was not corrected.
    seconds : float
        Length of a time bin.
    ax : Axes, optional
        The picture's panels divide the place of these Axes.
    **kwargs
        Keywords of `matplotlib.axes.Axes.plot` for the flux after the correction.

    Returns
    -------
    ndarray [shape=(3,), dtype=object]
        The Axes of the pointing (mean and scatter of each bin), of the flux in bins, and of its
        noise against frequency.

    Raises
    ------
    ShapeError
        If the two observations differ in length.

    Examples
    --------
    >>> from ariel_kit.simulation import draw_planets, simulate_observation
    >>> visit = simulate_observation(draw_planets(1, seed=3)[0], seed=0, bin_seconds=4.8)
    >>> [panel.get_ylabel() for panel in plot_pointing(visit, visit)]
    ['pointing (pixel)', 'FGS1 flux (ppm)', 'noise (ppm/√Hz)']
    """
    check_shape("after", after.fgs1.shape, {"fgs1 time": len(before.fgs1)})
    top, middle, bottom = panels(ax, heights=(1, 1, 1.1), size=TALL)
    colours = palette(top)
    _draw_motion(top, before, seconds)
    top.tick_params(labelbottom=False)
    middle.sharex(top)
    looks = [(after, ".", "-", colours.data, "as calibrated" if after is before else "after")]
    if after is not before:
        looks.insert(0, (before, "o", "--", colours.quiet, "before"))
    for visit, marker, line, colour, label in looks:
        _, curve = visit.binned(seconds)
        flux = (curve.flux[:, 0] / np.median(before.fgs1) - 1) * PPM
        dots = {"ls": "", "marker": marker, "ms": 4, "mfc": "none", "color": colour}
        given = kwargs if visit is after else {}
        middle.plot(curve.time, flux, **merged({**dots, "label": label}, given))
        bottom.semilogx(*_noise_spectrum(visit), line, color=colour, lw=1.2, label=label)
    middle.set(xlabel="time (hours)", ylabel="FGS1 flux (ppm)")
    legend(middle, ncols=2, loc="lower right")
    bottom.set(xlabel="frequency (Hz)", ylabel="noise (ppm/√Hz)")
    bottom.xaxis.set_major_formatter("{x:g}")
    bottom.set_ylim(0, None)
    legend(bottom, ncols=2, loc="upper right")
    headroom(bottom, 0.2)
    return np.array([top, middle, bottom])


def _draw_motion(ax: Any, observation: Observation, seconds: float) -> None:
    time, means, scatter = _binned_motion(observation, seconds)
    colours = palette(ax)
    for axis, (name, line, colour) in enumerate(
        (("y", "-", colours.data), ("x", "--", colours.model))
    ):
        mean, spread = means[:, axis], scatter[:, axis]
        label = f"{name}, {np.sqrt(np.mean(spread**2)):.3f} pixel rms within a bin"
        ax.fill_between(time, mean - spread, mean + spread, color=colour, alpha=0.2, lw=0)
        ax.plot(time, mean, line, color=colour, lw=1, label=label)
    ax.set_ylabel("pointing (pixel)")
    title(ax, f"Planet {observation.planet_id}: pointing and FGS1")
    legend(ax, ncols=2, loc="upper right")
    headroom(ax, 0.3)


def _binned_motion(
    observation: Observation, seconds: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bin the pointing.

    Returns
    -------
    time : ndarray [shape=(bin,), dtype=float64, unit=hour]
    mean, scatter : ndarray [shape=(bin, 2), dtype=float64, unit=pixel]
        Of y and x.
    """
    time, motion = observation.fgs1_time, observation.pointing.astype(np.float64)
    per_bin = max(1, round(seconds / 3600 / float(time[1] - time[0])))
    whole = len(time) // per_bin * per_bin
    bins = motion[:whole].reshape(-1, per_bin, 2)
    middle = time[:whole].reshape(-1, per_bin).mean(axis=1)
    return middle, bins.mean(axis=1), bins.std(axis=1)


def _noise_spectrum(observation: Observation) -> tuple[np.ndarray, np.ndarray]:
    """Estimate the noise of the FGS1 flux at each frequency by Welch's method.

    Returns
    -------
    frequency : ndarray [shape=(frequency,), dtype=float64, unit=hertz]
    density : ndarray [shape=(frequency,), dtype=float64, unit=ppm/hertz^0.5]
    """
    from scipy.signal import welch

    seconds = 3600 * float(observation.fgs1_time[1] - observation.fgs1_time[0])
    flux = observation.fgs1.astype(np.float64) / np.median(observation.fgs1)
    length = min(len(flux), 2 * SPECTRUM_BANDS)
    frequency, power = welch(flux, 1 / seconds, nperseg=length, detrend="linear")
    return frequency[1:-1], np.sqrt(power[1:-1]) * PPM
