"""Draw how the cost of a fit grows with the number of planets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ariel_kit.plots.style import legend, merged, note, palette, panels, title

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_growth(
    planets: Sequence[int],
    seconds: Sequence[float],
    megabytes: Sequence[float],
    *,
    ax: Axes | None = None,
    **kwargs: Any,
) -> np.ndarray:
    """Plot time and memory of fits over the number of planets, each beside a straight line.

    Parameters
    ----------
    planets : sequence of int
        Numbers of planets that were fitted.
    seconds, megabytes : sequence of float
        Time of each fit, and largest memory.
    ax : Axes, optional
        The picture's panels divide the place of these Axes.
    **kwargs
        Keywords of `matplotlib.axes.Axes.plot` for the measurements.

    Returns
    -------
    ndarray [shape=(2,), dtype=object]
        The Axes of time and of memory.

    Examples
    --------
    >>> time, memory = plot_growth([10, 20, 40], [2.0, 4.0, 8.0], [600.0, 601.0, 603.0])
    >>> [text.get_text() for text in time.texts]
    ['200 ms a planet']
    >>> [text.get_text() for text in memory.texts]
    ['100 kB a planet']
    """
    axes = panels(ax, widths=(1, 1))
    for one, numbers, label, factor, unit in (
        (axes[0], seconds, "seconds", 1e3, "ms"),
        (axes[1], megabytes, "largest memory, MB", 1e3, "kB"),
    ):
        colours = palette(one)
        dots = {"ls": "", "marker": "o", "ms": 5, "color": colours.data, "label": "measured"}
        one.plot(planets, numbers, **merged(dots, kwargs))
        if len(set(planets)) > 1:
            slope, start = np.polyfit(planets, numbers, 1)
            line = start + slope * np.asarray(planets)
            one.plot(planets, line, "--", color=colours.model, lw=1.2, label="straight line")
            note(one, f"{factor * slope:.0f} {unit} a planet")
        one.set(xlabel="planets", ylabel=label)
        one.set_ylim(0, 1.3 * max(numbers))
        legend(one, loc="upper left")
    title(axes[0], "Time of the fit")
    title(axes[1], "Memory of the fit")
    return axes
