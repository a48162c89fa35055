"""Draw how good answers are: honesty of sigma, score of each planet, gain of each stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ariel_kit.core.errors import ConfigError, UnknownNameError
from ariel_kit.core.spectrum import Spectrum
from ariel_kit.data.dataset import Labels
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
from ariel_kit.scoring import ScoreReport

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAME_PLACES: tuple[dict[str, Any], ...] = (
    {"xytext": (-6, -3), "ha": "right"},
    {"xytext": (0, -14), "ha": "center"},
    {"xytext": (6, -3), "ha": "left"},
)
"""Where the ids of the worst planets stand relative to their points, from left to right, so that
the ids of close planets do not overlap."""


def plot_calibration_of_sigma(
    spectra: Sequence[Spectrum], truth: Labels, *, ax: Axes | None = None, **kwargs: Any
) -> np.ndarray:
    """Show whether sigma is honest: z-scores against the unit Gaussian, coverage against promise.

    Parameters
    ----------
    spectra : sequence of Spectrum
    truth : Labels
        True spectra of these planets.
    ax : Axes, optional
        The picture's panels divide the place of these Axes.
    **kwargs
        Keywords of `matplotlib.axes.Axes.hist` for the z-scores.

    Returns
    -------
    ndarray [shape=(2,), dtype=object]
        The Axes of the histogram and of the coverage.

    Raises
    ------
    UnknownNameError
        If a planet has no true spectrum.

    Examples
    --------
    >>> from ariel_kit.core.instruments import wavelengths
    >>> error = 3e-5 * np.random.default_rng(0).standard_normal(283)
    >>> spectrum = Spectrum(7, wavelengths(), 0.004 + error, np.full(283, 3e-5))
    >>> truth = Labels(np.array([7]), np.full((1, 283), 0.004))
    >>> histogram, _ = plot_calibration_of_sigma([spectrum], truth)
    >>> histogram.get_title(loc="left")
    'Honesty of sigma, 1 planet'
    """
    depths = truth.of([spectrum.planet_id for spectrum in spectra])
    z = np.array([(s.mean - d) / s.sigma for s, d in zip(spectra, depths, strict=True)]).ravel()
    left, right = panels(ax, widths=(1.25, 1))
    _draw_z_scores(left, z, kwargs)
    title(left, f"Honesty of sigma, {_planets(len(spectra))}")
    _draw_coverage(right, z)
    return np.array([left, right])


def _draw_z_scores(ax: Any, z: np.ndarray, given: Mapping[str, Any]) -> None:
    colours, grid = palette(ax), np.linspace(-4, 4, 81)
    gaussian = np.exp(-0.5 * grid**2) / np.sqrt(2 * np.pi)
    bars = {"bins": grid[::2], "density": True, "color": colours.data, "alpha": 0.5}
    ax.hist(np.clip(z, -4, 4), **merged({**bars, "label": "found"}, given))
    ax.plot(grid, gaussian, "--", color=colours.model, lw=1.4, label="unit Gaussian")
    ax.set(xlabel="(mean - truth) / sigma", ylabel="density", xlim=(-4, 4))
    ax.set_ylim(0, 1.2 * ax.get_ylim()[1])
    note(ax, f"z std {z.std():.2f}")
    legend(ax, loc="upper left")


def _draw_coverage(ax: Any, z: np.ndarray) -> None:
    from scipy.special import ndtr, ndtri

    colours, promised = palette(ax), np.linspace(0, 1, 41)
    found = [np.mean(np.abs(z) <= ndtri(0.5 + share / 2)) for share in promised]
    ax.plot(promised, promised, "--", color=colours.model, lw=1.2, label="honest")
    ax.plot(promised, found, color=colours.data, lw=1.6, label="found")
    within = float(np.mean(np.abs(z) <= 1))
    ax.plot(ndtr(1) - ndtr(-1), within, "o", color=colours.data, ms=5)
    note(ax, f"within one sigma {within:.3f}")
    ax.set(xlabel="promised share", ylabel="share of truth inside", xlim=(0, 1), ylim=(0, 1.12))
    legend(ax, loc="lower right")


def plot_score_by_snr(
    report: ScoreReport, spectra: Sequence[Spectrum], *, ax: Axes | None = None, **kwargs: Any
) -> Axes:
    """Plot the score of each planet against its signal-to-noise ratio, and name the worst.

    The ratio is the mean depth over the rms sigma of a spectrum, as predicted.

    Parameters
    ----------
    report : ScoreReport
        Of these spectra.
    spectra : sequence of Spectrum
    ax : Axes, optional
    **kwargs
        Keywords of `matplotlib.axes.Axes.plot` for the planets.

    Returns
    -------
    Axes

    Raises
    ------
    UnknownNameError
        If a planet of `spectra` was not scored.

    Examples
    --------
    >>> from ariel_kit.core.instruments import wavelengths
    >>> from ariel_kit.scoring import score
    >>> spectrum = Spectrum(7, wavelengths(), np.full(283, 0.004), np.full(283, 3e-5))
    >>> truth = Labels(np.array([7]), np.full((1, 283), 0.00401))
    >>> plot_score_by_snr(score(truth, [spectrum]), [spectrum]).get_xlabel()
    'mean depth / rms sigma'
    """
    from matplotlib.ticker import LogFormatter

    ax = new_axes(ax)
    colours, scores = palette(ax), {row.name: row.score for row in report.planets}
    for spectrum in spectra:
        if str(spectrum.planet_id) not in scores:
            raise UnknownNameError("scored planet", str(spectrum.planet_id), scores)
    ratio = np.array([s.mean.mean() / np.sqrt(np.mean(s.sigma**2)) for s in spectra])
    y = np.array([scores[str(spectrum.planet_id)] for spectrum in spectra])
    ax.axhline(report.raw, color=colours.model, ls="--", lw=1.2, label=f"all: {report.raw:.3f}")
    dots = {"ls": "", "marker": "o", "color": colours.data, "ms": 5, "alpha": 0.7, "mew": 0}
    ax.plot(ratio, y, **merged({**dots, "label": "one planet"}, kwargs))
    worst = np.argsort(y)[: len(NAME_PLACES)]
    for i, place in zip(worst[np.argsort(ratio[worst])], NAME_PLACES, strict=False):
        named = {"textcoords": "offset points", "fontsize": "small", **place}
        ax.annotate(str(spectra[i].planet_id), (ratio[i], y[i]), **named)
    ax.set(xscale="log", xlabel="mean depth / rms sigma", ylabel="score, not clipped")
    ax.xaxis.set_major_formatter(LogFormatter())
    ax.xaxis.set_minor_formatter(LogFormatter(minor_thresholds=(1.5, 0.5)))
    title(ax, f"Score against signal-to-noise, {_planets(len(spectra))}")
    ax.margins(x=0.25, y=0.14)
    headroom(ax, 0.12)  # the ids of the worst planets stand at the lower edge
    legend(ax, loc="upper right", ncols=2)
    return ax


def plot_ablation(
    rows: Sequence[Mapping[str, Any]], *, ax: Axes | None = None, **kwargs: Any
) -> Axes:
    r"""Plot what each stage is worth: the score with different stages switched on.

    Parameters
    ----------
    rows : sequence of mapping
        As ``ariel-kit ablate --json`` prints them: ``stages`` (list of str), ``score``,
        ``rmse_ppm``, ``coverage``, ``seconds_per_planet``, ``default`` on one of them, and
        ``refused`` where weights did not suit the planets.
    ax : Axes, optional
    **kwargs
        Keywords of `matplotlib.axes.Axes.barh`.

    Returns
    -------
    Axes

    Raises
    ------
    ConfigError
        If there are no rows.

    Examples
    --------
    >>> numbers = {"rmse_ppm": 30.0, "coverage": 0.68, "seconds_per_planet": 0.6}
    >>> rows = [
    ...     {"stages": [], "score": 0.70, **numbers},
    ...     {"stages": ["jitter"], "score": 0.72, "default": True, **numbers},
    ... ]
    >>> [label.get_text() for label in plot_ablation(rows).get_yticklabels()]
    ['none', 'jitter\n(default)']
    """
    if not rows:
        raise ConfigError("an ablation needs at least one row; got none. Run ariel-kit ablate.")
    ax = new_axes(ax)
    colours, places = palette(ax), np.arange(len(rows))
    scores = [row["score"] for row in rows]
    usual = [bool(row.get("default")) for row in rows]
    fill = [colours.data if default else colours.quiet for default in usual]
    hatch = ["" if default else "///" for default in usual]
    bars = {"height": 0.62, "color": fill, "edgecolor": colours.paper, "hatch": hatch, "lw": 0}
    ax.barh(places, scores, **merged(bars, kwargs))
    for place, row in zip(places, rows, strict=True):
        end, details = max(row["score"], 0.0), "{rmse_ppm:.1f} ppm, {coverage:.2f} covered, "
        details += "{seconds_per_planet:.2g} s"
        beside: dict[str, Any] = {"xytext": (5, 0), "textcoords": "offset points"}
        beside["fontsize"] = "small"
        ax.annotate(f"{row['score']:.3f}", (end, place), va="bottom", weight="bold", **beside)
        ax.annotate(details.format(**row), (end, place), va="top", **beside)
    names = ["\n+ ".join(_marked(row)) or "none" for row in rows]
    labels = [f"{n}\n(default)" if d else n for n, d in zip(names, usual, strict=True)]
    ax.set_yticks(places, labels)
    ax.invert_yaxis()
    ax.grid(visible=False, axis="y")
    ax.set_xlim(min(0.0, *scores), 1.6 * max(0.01, *scores))  # room for the words
    ax.set(xlabel="score", ylabel="stages switched on")
    title(ax, "What each stage is worth")
    return ax


def _marked(row: Mapping[str, Any]) -> list[str]:
    """Name the stages of a row; those that were refused are in brackets."""
    refused = row.get("refused", ())
    return [f"({name})" if name in refused else name for name in row["stages"]]


def plot_comparison(
    first: Sequence[Spectrum],
    second: Sequence[Spectrum],
    truth: Labels | None = None,
    *,
    names: tuple[str, str] = ("first", "second"),
    ax: Axes | None = None,
    **kwargs: Any,
) -> Axes:
    """Plot two answers for the same planets against each other, and name those furthest apart.

    With labels it is the error of each planet in both, so what lies below the line is better in
    the second. Without them it is the sigma of each planet in both.

    Parameters
    ----------
    first, second : sequence of Spectrum
        The same planets in the same order.
    truth : Labels, optional
    names : tuple of str
        What the two are called.
    ax : Axes, optional
    **kwargs
        Keywords of `matplotlib.axes.Axes.plot` for the planets.

    Returns
    -------
    Axes

    Raises
    ------
    ConfigError
        If the two are not of the same planets in the same order.

    Examples
    --------
    >>> from ariel_kit.core.instruments import wavelengths
    >>> flat = np.full(283, 3e-5)
    >>> a, b = (Spectrum(7, wavelengths(), 100 * flat + e, flat) for e in (2e-5, 1e-5))
    >>> truth = Labels(np.array([7]), 100 * flat[None])
    >>> plot_comparison([a], [b], truth).get_ylabel()
    'error of second (ppm rms)'
    """
    ids = [spectrum.planet_id for spectrum in first]
    if ids != [spectrum.planet_id for spectrum in second]:
        raise ConfigError("two answers that are plotted must hold the same planets in one order.")
    ax = new_axes(ax)
    colours = palette(ax)
    off = [0.0] * len(ids) if truth is None else truth.of(ids)
    x, y = (
        np.array(
            [PPM * np.sqrt(np.mean(_what_counts(s, t) ** 2)) for s, t in zip(a, off, strict=True)]
        )
        for a in (first, second)
    )
    ends = np.array([min(x.min(), y.min()), max(x.max(), y.max())])
    ax.plot(ends, ends, "--", color=colours.model, lw=1.2, label="no change")
    dots = {"ls": "", "marker": "o", "color": colours.data, "ms": 5, "alpha": 0.7, "mew": 0}
    ax.loglog(x, y, **merged({**dots, "label": "one planet"}, kwargs))
    furthest = np.argsort(-abs(np.log(y / x)))[: len(NAME_PLACES)]
    patch = {"facecolor": colours.paper, "lw": 0, "alpha": 0.8, "pad": 1}
    for i, place in zip(furthest[np.argsort(x[furthest])], NAME_PLACES, strict=False):
        named = {"textcoords": "offset points", "fontsize": "small", "bbox": patch, **place}
        ax.annotate(str(ids[i]), (x[i], y[i]), **named)
    what = "sigma" if truth is None else "error"
    ax.set(xlabel=f"{what} of {names[0]} (ppm rms)", ylabel=f"{what} of {names[1]} (ppm rms)")
    title(ax, f"Two answers for {_planets(len(ids))}")
    ax.margins(x=0.25, y=0.14)
    plain_logs(ax)
    legend(ax, loc="upper left")
    return ax


def _what_counts(spectrum: Spectrum, truth: Any) -> np.ndarray:
    """Take the error of a spectrum where the truth is known, else its sigma [shape=(283,)]."""
    return spectrum.mean - truth if np.ndim(truth) else spectrum.sigma


def _planets(n: int) -> str:
    return "1 planet" if n == 1 else f"{n} planets"
