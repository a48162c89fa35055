"""Draw a transmission spectrum."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ariel_kit.core.errors import check_shape
from ariel_kit.core.instruments import N_WAVELENGTHS
from ariel_kit.core.spectrum import Spectrum
from ariel_kit.plots.style import PPM, headroom, legend, merged, new_axes, palette, title

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_spectrum(
    spectrum: Spectrum, truth: np.ndarray | None = None, *, ax: Axes | None = None, **kwargs: Any
) -> Axes:
    """Plot a transmission spectrum with one and two sigma, and the truth where it is known.

    Parameters
    ----------
    spectrum : Spectrum
    truth : ndarray [shape=(283,)], optional
        True transit depth.
    ax : Axes, optional
    **kwargs
        Keywords of `matplotlib.axes.Axes.plot` for the line of AIRS.

    Returns
    -------
    Axes

    Raises
    ------
    ShapeError
        If `truth` does not have 283 wavelengths.

    Examples
    --------
    >>> from ariel_kit.core.instruments import wavelengths
    >>> spectrum = Spectrum(7, wavelengths(), np.full(283, 0.004), np.full(283, 3e-5))
    >>> plot_spectrum(spectrum, truth=np.full(283, 0.00401)).get_ylabel()
    'transit depth (ppm)'
    """
    ax = new_axes(ax)
    colours = palette(ax)
    micron, mean, sigma = spectrum.wavelength, spectrum.mean * PPM, spectrum.sigma * PPM
    for k, alpha in ((2, 0.15), (1, 0.3)):
        band = (mean[1:] - k * sigma[1:], mean[1:] + k * sigma[1:])
        ax.fill_between(
            micron[1:], *band, color=colours.data, alpha=alpha, lw=0, label=f"{k} sigma"
        )
    line = {"color": colours.data, "lw": 1.2, "label": "AIRS"}
    ax.plot(micron[1:], mean[1:], **merged(line, kwargs))
    bar: dict[str, Any] = {"fmt": "o", "ms": 4, "capsize": 2, "color": colours.model}
    ax.errorbar(micron[0], mean[0], sigma[0], label="FGS1", **bar)
    if truth is not None:
        check_shape("truth", np.shape(truth), {"wavelength": N_WAVELENGTHS})
        ax.plot(micron[1:], truth[1:] * PPM, color=colours.ink, lw=1, ls="--", label="truth")
        ax.plot(micron[0], truth[0] * PPM, "x", color=colours.ink, ms=5)
    ax.set(xlabel="wavelength (µm)", ylabel="transit depth (ppm)")
    title(ax, f"Planet {spectrum.planet_id}: spectrum")
    ax.margins(y=0.12)
    legend(ax, ncols=5, loc="upper center", columnspacing=1, handletextpad=0.4, handlelength=1.6)
    headroom(ax, 0.12)
    return ax
