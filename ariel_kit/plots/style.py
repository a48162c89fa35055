"""One style for every picture: colours by role, for light and dark paper, distinct also in grey.

The hues are those of Okabe and Ito, which colour-blind readers can tell apart, darkened or
lightened until they stand out from their paper. Two curves of one picture always differ by more
than hue: by line, by marker or by lightness. Matplotlib is imported on first use.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from ariel_kit.core.errors import UnknownNameError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PPM = 1e6
SIZE, TALL = (6.0, 3.9), (6.0, 6.2)
"""Size of a single picture, and of one with three panels, in inches."""


class Palette(NamedTuple):
    """Colours by what they stand for.

    Attributes
    ----------
    paper, ink : str
        Colour of the background; colour of text and of the truth.
    data, model, other : str
        Colours of measured data, of what was fitted or promised, and of a second set of data.
    quiet : str
        Colour of earlier or less important data.
    """

    paper: str
    ink: str
    data: str
    model: str
    other: str
    quiet: str


PALETTES = {
    "light": Palette("#ffffff", "#1b1e23", "#0072b2", "#c04a00", "#00805f", "#767a80"),
    "dark": Palette("#16191d", "#e6e8eb", "#56b4e9", "#f29b4b", "#35c99b", "#90959c"),
}

HOUSE: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "grid.alpha": 0.25,
    "grid.linewidth": 0.6,
    "xtick.labelsize": "small",
    "ytick.labelsize": "small",
}
"""Style of Axes that the kit makes; Axes that a caller gives keep their own grid and frame."""


@contextmanager
def paper(name: Literal["light", "dark"]) -> Iterator[Palette]:
    """Draw in the kit's style on light or dark paper.

    Raises
    ------
    UnknownNameError
        If there is no such paper.

    Examples
    --------
    >>> with paper("dark") as colours:
    ...     palette(new_axes()) == colours
    True
    """
    from matplotlib import rc_context

    if name not in PALETTES:
        raise UnknownNameError("paper", name, PALETTES)
    colours = PALETTES[name]
    inked = ("axes.edgecolor", "axes.labelcolor", "text.color", "xtick.color", "ytick.color")
    blank = ("figure.facecolor", "axes.facecolor", "savefig.facecolor")
    ink = {**dict.fromkeys(inked, colours.ink), "grid.color": colours.quiet}
    look: dict[Any, Any] = {**HOUSE, **ink, **dict.fromkeys(blank, colours.paper)}
    with rc_context(look):
        yield colours


def palette(ax: Axes) -> Palette:
    """Choose the palette that suits the background of `ax`."""
    from matplotlib.colors import to_rgba

    behind = to_rgba(ax.get_facecolor())
    if behind[3] == 0:
        behind = to_rgba(ax.figure.get_facecolor())
    return PALETTES["dark" if _lightness(behind) < 0.5 else "light"]


def new_axes(ax: Axes | None = None, size: tuple[float, float] = SIZE) -> Any:
    """Return `ax` itself, or the Axes of a new figure in the kit's style."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    # Start the backend outside the context. The end of the context would undo the settings of a
    # notebook's backend, and only the first picture would show.
    plt.draw_if_interactive()  # type: ignore[no-untyped-call]
    with plt.rc_context(HOUSE):
        return plt.subplots(figsize=size, layout="constrained")[1]


def panels(
    ax: Axes | None,
    *,
    heights: Sequence[float] = (1,),
    widths: Sequence[float] = (1,),
    size: tuple[float, float] = SIZE,
) -> np.ndarray:
    """Divide the place of `ax` into a grid of Axes; `ax` itself stays behind them, blank.

    Returns
    -------
    ndarray [shape=(panel,), dtype=object]
        From the upper left to the lower right.
    """
    from matplotlib import rc_context

    options = {"height_ratios": heights, "width_ratios": widths}
    house = {} if ax is not None else HOUSE
    whole = new_axes(ax, size)
    with rc_context(house):
        whole.set_axis_off()
        place, figure = whole.get_subplotspec(), whole.figure
        if place is not None:
            grid = place.subgridspec(len(heights), len(widths), **options)
        else:
            box = whole.get_position()
            edges = {"left": box.x0, "right": box.x1, "bottom": box.y0, "top": box.y1}
            grid = figure.add_gridspec(len(heights), len(widths), **options, **edges)
        return np.array([figure.add_subplot(cell) for cell in grid], dtype=object)


def merged(own: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Merge a picture's keywords for an artist with those of the caller, which win.

    Parameters
    ----------
    own, given : mapping of str to Any
        Keywords of matplotlib; an alias, such as ``lw``, meets its full name.

    Returns
    -------
    dict of str to Any
        By full names. Matplotlib raises where the caller gives a keyword and its alias.

    Examples
    --------
    >>> merged({"lw": 1.2, "color": "black"}, {"linewidth": 3.0})
    {'linewidth': 3.0, 'color': 'black'}
    """
    from matplotlib.cbook import normalize_kwargs
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    sides = [normalize_kwargs(normalize_kwargs(dict(s), Line2D), Patch) for s in (own, given)]
    return {**sides[0], **sides[1]}


def headroom(ax: Any, share: float) -> None:
    """Raise the upper limit by a share of the height, to make space for a legend."""
    scale = ax.yaxis.get_transform()
    low, high = scale.transform(ax.get_ylim())
    ax.set_ylim(*scale.inverted().transform([low, high + share * (high - low)]))


def plain_logs(ax: Any) -> None:
    """Write the ticks of logarithmic axes as numbers; between decades only where there is room."""
    from matplotlib.ticker import LogFormatter

    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter(LogFormatter(minor_thresholds=(1.5, 0.5)))


def title(ax: Axes, text: str) -> None:
    """Write a title at the upper left."""
    ax.set_title(text, loc="left", fontsize="medium", fontweight="bold")


def legend(ax: Axes, **options: Any) -> None:
    """Draw a small legend without a frame."""
    ax.legend(**{"fontsize": "small", "frameon": False, **options})


def note(ax: Axes, text: str) -> None:
    """Write a short remark in the upper right corner, on a patch of paper."""
    patch = {"facecolor": palette(ax).paper, "lw": 0, "alpha": 0.8, "pad": 1}
    where: dict[str, Any] = {"transform": ax.transAxes, "ha": "right", "va": "top"}
    ax.text(0.99, 0.97, text, fontsize="small", bbox=patch, **where)


def _lightness(colour: Sequence[float]) -> float:
    """Weigh an sRGB colour to its perceived lightness, 0 to 1."""
    return float(np.dot(colour[:3], (0.299, 0.587, 0.114)))
