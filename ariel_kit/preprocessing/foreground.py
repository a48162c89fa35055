"""Measurement of the diffuse foreground under the star, separately from the wings of its image.

The rows outside the extraction contain the foreground and the wings of the star's image. If their
level were subtracted as foreground, wings of 0.6 % of the light would increase a depth of 0.004 by
20 ppm. Both are therefore fitted together: ``level = foreground + flux * wing(distance)`` in each
column. The wings are assumed to fall at least as steeply as those of a diffraction image summed
along the other axis, ``distance**-2``; otherwise the flat part of a wing could not be distinguished
from the foreground.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

POWERS = np.append(0.0, np.arange(2.0, 4.01, 0.25))
"""Grid of powers. Wings fall as ``distance**-power * exp(-rate * distance)``; a power of 0 is an
exponential halo."""
RATES = np.arange(0.0, 1.01, 0.04)
"""Grid of rates of that exponential, per pixel."""
LEAST_POWER = 2.0
"""Least slope ``-dln(wing)/dln(distance)`` of a wing anywhere in the outer rows."""
STRENGTH_TERMS = 3
"""Number of terms of the polynomial in wavelength that describes the strength of each wing."""
ROUNDS = 3
"""Number of iterations; each uses the star's flux and centre with the previous foreground."""


class _Outer(NamedTuple):
    """The rows outside the extraction, on both sides of the star.

    Attributes
    ----------
    levels : ndarray [shape=(row, x), dtype=float64, unit=electron]
    good : ndarray [shape=(row, x), dtype=bool]
    distance : ndarray [shape=(row,), dtype=float64, unit=pixel]
        Distance of each row from the centre of the star, negative below it.
    flux : ndarray [shape=(x,), dtype=float64, unit=electron]
        Flux of the star in each column.
    """

    levels: np.ndarray
    good: np.ndarray
    distance: np.ndarray
    flux: np.ndarray

    @property
    def trust(self) -> np.ndarray:
        """Weight of each pixel, which grows with distance as the error of the wing model falls."""
        return self.good * self.distance[:, None] ** 4

    def mean(self, values: np.ndarray) -> np.ndarray:
        """Average each column, weighted by `trust`."""
        return (values * self.trust).sum(axis=0) / np.maximum(self.trust.sum(axis=0), 1e-30)


def fit_foreground(levels: np.ndarray, bad: np.ndarray, signal_rows: slice) -> np.ndarray:
    """Fit the foreground of each column of a dispersed image.

    Parameters
    ----------
    levels : ndarray [shape=(y, x), dtype=float64, unit=electron]
        Mean CDS image, with bad pixels replaced by a model.
    bad : ndarray [shape=(y, x), dtype=bool]
        Bad pixels, which the fit leaves out.
    signal_rows : slice
        Rows that are extracted; the fit uses the others.

    Returns
    -------
    ndarray [shape=(x,), dtype=float64, unit=electron/pixel]
        Foreground of each column.

    Examples
    --------
    >>> rows = np.exp(-0.5 * ((np.arange(32) - 15.5) / 1.5) ** 2)
    >>> levels = 1e4 * rows[:, None] * np.ones(40) + 25.0
    >>> fit_foreground(levels, np.zeros(levels.shape, bool), slice(8, 24))[:3].round(3)
    array([25., 25., 25.])
    """
    rows = np.arange(len(levels))
    outside = np.ones(len(levels), dtype=bool)
    outside[signal_rows] = False
    foreground = np.median(levels[outside], axis=0)
    for _ in range(ROUNDS):
        star = (levels - foreground)[signal_rows]
        centre = rows[signal_rows] @ star.sum(axis=1) / star.sum()
        distance = rows[outside] - centre
        outer = _Outer(levels[outside], ~bad[outside], distance, star.sum(axis=0))
        foreground = outer.mean(outer.levels - _fit_wings(outer))
    return foreground


def _fit_wings(outer: _Outer) -> np.ndarray:
    """Fit the wings in the outer rows [shape=(row, x)]."""
    x = np.linspace(-1, 1, len(outer.flux))
    sides = [outer.distance < 0, outer.distance > 0]
    decay = _fit_decay(outer)
    terms = [
        (decay * side)[:, None] * outer.flux * x**k for side in sides for k in range(STRENGTH_TERMS)
    ]
    design = np.stack([_centred(term, outer) for term in terms], axis=1)
    strengths = np.linalg.lstsq(design, _centred(outer.levels, outer), rcond=None)[0]
    return np.tensordot(strengths, np.stack(terms), axes=1)


def _fit_decay(outer: _Outer) -> np.ndarray:
    """Fit the decay of the wings with distance [shape=(row,)].

    The fit uses the mean over the columns, which has hardly any noise.
    """
    reach = np.abs(outer.distance)
    power, rate = (grid.ravel() for grid in np.meshgrid(POWERS, RATES))
    steep = power + rate * reach.min() >= LEAST_POWER
    power, rate = power[steep], rate[steep]
    decays = (reach / reach.min()) ** -power[:, None] * np.exp(
        -rate[:, None] * (reach - reach.min())
    )
    parts = [np.ones_like(decays), decays * (outer.distance < 0), decays * (outer.distance > 0)]
    basis, _ = np.linalg.qr(np.stack(parts, axis=2) * reach[:, None] ** 2)
    explained = np.einsum("gri,r->gi", basis, outer.levels.mean(axis=1) * reach**2)
    return np.asarray(decays[np.argmax((explained**2).sum(axis=1))])


def _centred(values: np.ndarray, outer: _Outer) -> np.ndarray:
    """Subtract the mean of each column, which removes the foreground; weight and flatten."""
    return ((values - outer.mean(values)) * np.sqrt(outer.trust)).ravel()


def border_level(levels: np.ndarray, bad: np.ndarray, width: int) -> float:
    """Measure the foreground under a point-like star: the median level of the image's border.

    Parameters
    ----------
    levels : ndarray [shape=(y, x), dtype=float64, unit=electron]
        Mean CDS image.
    bad : ndarray [shape=(y, x), dtype=bool]
        Bad pixels, which are left out.
    width : int
        Width of the border in pixels.

    Returns
    -------
    float
        Electrons per pixel; 0 where the whole border is bad.

    Examples
    --------
    >>> levels = np.full((5, 5), 3.0)
    >>> levels[2, 2] = 900.0
    >>> border_level(levels, np.zeros((5, 5), bool), 1)
    3.0
    """
    border = np.ones(levels.shape, dtype=bool)
    border[width:-width, width:-width] = False
    usable = levels[border & ~bad]
    return float(np.median(usable)) if len(usable) else 0.0
