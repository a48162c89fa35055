"""Draw what labelled planets taught: scale of depth, and sigma before and after."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ariel_kit.core.spectrum import Spectrum
from ariel_kit.data.dataset import Labels
from ariel_kit.plots.style import PPM, legend, merged, new_axes, note, palette, title

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_scale(
    before: Sequence[Spectrum],
    after: Sequence[Spectrum],
    truth: Labels,
    *,
    ax: Axes | None = None,
    **kwargs: Any,
) -> Axes:
    """Plot the error of each planet's AIRS depth against the depth; a wrong scale shows as a slope.

    Parameters
    ----------
    before, after : sequence of Spectrum
        The same planets under the shipped values, and with what other planets taught.
    truth : Labels
        True spectra of these planets.
    ax : Axes, optional
    **kwargs
        Keywords of `matplotlib.axes.Axes.plot` for the planets.

    Returns
    -------
    Axes

    Examples
    --------
    >>> from dataclasses import replace
    >>> from ariel_kit.core.instruments import wavelengths
    >>> low = Spectrum(7, wavelengths(), np.full(283, 0.00396), np.full(283, 3e-5))
    >>> right = replace(low, mean=np.full(283, 0.004))
    >>> ax = plot_scale([low], [right], Labels(np.array([7]), np.full((1, 283), 0.004)))
    >>> [float(line.get_ydata()[0].round(6)) for line in ax.lines[1:]]
    [-40.0, 0.0]
    """
    ax = new_axes(ax)
    colours, depths = palette(ax), truth.of([spectrum.planet_id for spectrum in before])
    level = depths[:, 1:].mean(axis=1)
    ax.axhline(0, color=colours.model, ls="--", lw=1.2)
    for name, spectra, colour in (
        ("shipped", before, colours.quiet),
        ("learned from others", after, colours.data),
    ):
        mean = np.array([spectrum.mean for spectrum in spectra])
        dots = {"ls": "", "marker": "o", "ms": 4.5, "mew": 0, "alpha": 0.8, "color": colour}
        error = PPM * (mean - depths)[:, 1:].mean(axis=1)
        ax.plot(PPM * level, error, **merged({**dots, "label": name}, kwargs))
    ax.set(xlabel="true depth over AIRS, ppm", ylabel="measured - true, ppm")
    title(ax, "Scale of depth, out of fold")
    legend(ax, loc="best")
    return ax


def plot_z_scores(
    before: Sequence[Spectrum],
    after: Sequence[Spectrum],
    truth: Labels,
    *,
    ax: Axes | None = None,
    **kwargs: Any,
) -> Axes:
    """Plot the distribution of errors over sigma before and after, beside the unit Gaussian.

    Parameters
    ----------
    before, after : sequence of Spectrum
        As in `plot_scale`.
    truth : Labels
    ax : Axes, optional
    **kwargs
        Keywords of `matplotlib.axes.Axes.hist`.

    Returns
    -------
    Axes

    Examples
    --------
    >>> from ariel_kit.core.instruments import wavelengths
    >>> spectrum = Spectrum(7, wavelengths(), np.full(283, 0.00396), np.full(283, 3e-5))
    >>> truth = Labels(np.array([7]), np.full((1, 283), 0.004))
    >>> plot_z_scores([spectrum], [spectrum], truth).get_xlabel()
    '(mean - truth) / sigma'
    """
    ax = new_axes(ax)
    colours, depths = palette(ax), truth.of([spectrum.planet_id for spectrum in before])
    grid = np.linspace(-4, 4, 81)
    inside = []
    for name, spectra, colour in (
        ("shipped", before, colours.quiet),
        ("learned from others", after, colours.data),
    ):
        z = np.array([(s.mean - d) / s.sigma for s, d in zip(spectra, depths, strict=True)]).ravel()
        inside.append(f"{np.mean(np.abs(z) <= 1):.3f}")
        bars = {"bins": grid[::2], "density": True, "histtype": "step", "lw": 1.6, "color": colour}
        ax.hist(np.clip(z, -4, 4), **merged({**bars, "label": name}, kwargs))
    gaussian = np.exp(-0.5 * grid**2) / np.sqrt(2 * np.pi)
    ax.plot(grid, gaussian, "--", color=colours.model, lw=1.4, label="unit Gaussian")
    ax.set(xlabel="(mean - truth) / sigma", ylabel="density", xlim=(-4, 4))
    ax.set_ylim(0, 1.25 * ax.get_ylim()[1])
    note(ax, f"within one sigma: {inside[0]} before, {inside[1]} after")
    title(ax, "Honesty of sigma, out of fold")
    legend(ax, loc="upper left")
    return ax
