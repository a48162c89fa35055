"""The diffuse light under the star, told apart from the wings of the star itself.

The rows outside the extraction hold foreground and wings. Subtracted as if constant, wings of 0.6 %
inflate a depth of 0.004 by 20 ppm; so both are fitted together: in each column
``level = foreground + flux * wing(distance)``, the wing a power law whose exponent all wavelengths
share and whose strength varies smoothly with wavelength, above and below the star.
"""

from __future__ import annotations

import numpy as np

EXPONENTS = np.arange(1.2, 5.01, 0.1)
STRENGTH_TERMS = 3
ROUNDS = 3


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
    height = len(levels)
    rows = np.arange(height)
    outer = np.ones(height, dtype=bool)
    outer[signal_rows] = False
    good = ~bad[outer]
    foreground = np.median(levels[outer], axis=0)
    for _ in range(ROUNDS):
        star = levels - foreground
        flux = star[signal_rows].sum(axis=0)
        centre = (rows[signal_rows] @ star[signal_rows].sum(axis=1)) / flux.sum()
        wings = _fit_wings(levels[outer], good, flux, rows[outer] - centre)
        foreground = _masked_mean(levels[outer] - wings, good)
    return foreground


def _fit_wings(
    levels: np.ndarray, good: np.ndarray, flux: np.ndarray, distance: np.ndarray
) -> np.ndarray:
    """The wings under the outer rows; axes (outer row, x)."""
    x = np.linspace(-1, 1, levels.shape[1])
    sides = [(distance < 0)[:, None], (distance > 0)[:, None]]
    decay = np.abs(distance) ** -_fit_exponent(levels.mean(axis=1), distance)
    terms = [decay[:, None] * side * flux * x**k for side in sides for k in range(STRENGTH_TERMS)]
    design = np.stack([_centred(term, good) for term in terms], axis=1)
    strengths = np.linalg.lstsq(design, _centred(levels, good), rcond=None)[0]
    return np.tensordot(strengths, np.stack(terms), axes=1)


def _fit_exponent(white: np.ndarray, distance: np.ndarray) -> float:
    """Exponent of the wings of the white image, above and below the star, on a constant."""
    misfits = []
    for exponent in EXPONENTS:
        decay = np.abs(distance) ** -exponent
        design = np.stack([np.ones_like(decay), decay * (distance < 0), decay * (distance > 0)], 1)
        rest = white - design @ np.linalg.lstsq(design, white, rcond=None)[0]
        misfits.append(rest @ rest)
    return float(EXPONENTS[np.argmin(misfits)])


def _centred(values: np.ndarray, good: np.ndarray) -> np.ndarray:
    """Good values minus their column's mean, so that the foreground drops out; flat."""
    return np.where(good, values - _masked_mean(values, good), 0.0).ravel()


def _masked_mean(values: np.ndarray, good: np.ndarray) -> np.ndarray:
    return np.where(good, values, 0.0).sum(axis=0) / np.maximum(good.sum(axis=0), 1)


def border_level(levels: np.ndarray, bad: np.ndarray, width: int) -> float:
    """Median level of an image's border, `width` pixels wide: what lies under a point-like star."""
    border = np.ones(levels.shape, dtype=bool)
    border[width:-width, width:-width] = False
    usable = levels[border & ~bad]
    return float(np.median(usable)) if len(usable) else 0.0
