"""The diffuse light under the star, told apart from the wings of the star itself.

The rows outside the extraction hold foreground and wings. Subtracted as if constant, wings of 0.6 %
inflate a depth of 0.004 by 20 ppm; so both are fitted together: in each column
``level = foreground + flux * wing(distance)``. Wings fall at least as steeply as those of a
diffraction image summed along the other axis, ``distance**-2``: without that knowledge the flat
part of a wing and the foreground cannot be told apart.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

POWERS = np.append(0.0, np.arange(2.0, 4.01, 0.25))
"""Wings fall as ``distance**-power * exp(-rate * distance)``; 0 is an exponential halo."""
RATES = np.arange(0.0, 1.01, 0.04)
LEAST_POWER = 2.0
"""The slope ``-dln(wing)/dln(distance)`` that is reached everywhere in the outer rows."""
STRENGTH_TERMS = 3
"""Terms of the polynomial in wavelength that is the strength of the wings on either side."""
ROUNDS = 3


class _Outer(NamedTuple):
    """The rows around the star."""

    levels: np.ndarray
    good: np.ndarray
    distance: np.ndarray
    flux: np.ndarray

    @property
    def trust(self) -> np.ndarray:
        """Weight of each pixel: what a wing model misses falls with the wing itself."""
        return self.good * self.distance[:, None] ** 4

    def mean(self, values: np.ndarray) -> np.ndarray:
        """Trusted mean of each column."""
        return (values * self.trust).sum(axis=0) / np.maximum(self.trust.sum(axis=0), 1e-30)


def fit_foreground(levels: np.ndarray, bad: np.ndarray, signal_rows: slice) -> np.ndarray:
    """Foreground of each column of a dispersed image.

    Parameters
    ----------
    levels : ndarray [shape=(y, x), dtype=float64, unit=electron]
        Mean CDS image, bad pixels modelled.
    bad : ndarray [shape=(y, x), dtype=bool]
        Pixels that the fit leaves out.
    signal_rows : slice
        Rows that are extracted; the others are fitted.

    Returns
    -------
    ndarray [shape=(x,), dtype=float64, unit=electron/pixel]
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
    """The wings under the outer rows; axes (row, x)."""
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
    """How the wings fall in the white image, which has hardly any noise; axes (row,)."""
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
    """Values minus their column's mean, so that the foreground drops out; weighted and flat."""
    return ((values - outer.mean(values)) * np.sqrt(outer.trust)).ravel()


def border_level(levels: np.ndarray, bad: np.ndarray, width: int) -> float:
    """Median level of an image's border, `width` pixels wide: what lies under a point-like star.

    Parameters
    ----------
    levels : ndarray [shape=(y, x), unit=electron]
    bad : ndarray [shape=(y, x), dtype=bool]
    width : int
    """
    border = np.ones(levels.shape, dtype=bool)
    border[width:-width, width:-width] = False
    usable = levels[border & ~bad]
    return float(np.median(usable)) if len(usable) else 0.0
