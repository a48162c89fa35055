"""Show a value in a notebook: a line of facts beside a small picture that needs no library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

WIDTH, HEIGHT, MARGIN = 320, 90, 4
"""Size of a small picture and its margin, in pixels."""
MOST_POINTS = 300
"""Most points of a curve that are drawn; more could not be seen at this size."""


def card(title: str, facts: Mapping[str, object], picture: str = "") -> str:
    """Format a title, facts and a picture as HTML.

    Parameters
    ----------
    title : str
    facts : mapping of str to object
        Name and value of each.
    picture : str
        What `sketch` draws.

    Returns
    -------
    str

    Examples
    --------
    >>> card("Planet <7>", {"depth": "4000 ppm"})[:31]
    '<div><strong>Planet &lt;7&gt;</'
    """
    told = " · ".join(escape(f"{name} {value}".strip()) for name, value in facts.items())
    return f"<div><strong>{escape(title)}</strong><br><small>{told}</small><br>{picture}</div>"


def sketch(x: np.ndarray, y: np.ndarray, sigma: np.ndarray | None = None, *, says: str = "") -> str:
    """Draw a curve as SVG in the colour of the text around it, with a band of one sigma.

    Parameters
    ----------
    x, y : ndarray [shape=(point,)]
    sigma : ndarray [shape=(point,)], optional
    says : str
        What the picture shows, as text for screen readers.

    Returns
    -------
    str
        Empty where fewer than two points are finite.

    Examples
    --------
    >>> sketch(np.arange(3), np.array([0.0, 1.0, 0.0])).count(",")
    3
    """
    finite = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    if len(finite) < 2:
        return ""
    kept = finite[np.unique(np.linspace(0, len(finite) - 1, MOST_POINTS).astype(int))]
    x, y = np.asarray(x)[kept], np.asarray(y)[kept]
    error = np.zeros(len(y)) if sigma is None else np.asarray(sigma)[kept]
    low, high = y - error, y + error
    across = _scale(x, x, WIDTH)
    down = [HEIGHT - _scale(each, np.concatenate([low, high]), HEIGHT) for each in (y, low, high)]
    parts = [f'<polyline points="{_points(across, down[0])}" fill="none" stroke="currentColor"/>']
    if sigma is not None:
        edge = _points(np.append(across, across[::-1]), np.append(down[1], down[2][::-1]))
        parts.insert(0, f'<polygon points="{edge}" fill="currentColor" fill-opacity=".2"/>')
    head = f'<svg width="{WIDTH}" height="{HEIGHT}" role="img" aria-label="{escape(says)}">'
    return f"{head}{''.join(parts)}</svg>"


def _scale(values: np.ndarray, all_values: np.ndarray, length: int) -> np.ndarray:
    """Scale values to pixel coordinates along one axis."""
    low, high = float(np.min(all_values)), float(np.max(all_values))
    share = (values - low) / (high - low) if high > low else np.full(len(values), 0.5)
    return MARGIN + share * (length - 2 * MARGIN)


def _points(across: Sequence[float] | np.ndarray, down: Sequence[float] | np.ndarray) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(across, down, strict=True))
