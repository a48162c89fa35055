"""Which pixels cannot be used, and what stands in for them: never a hole.

A bad pixel is replaced by a fixed weighted sum of good pixels, its donors. Any such sum is a
multiple of the starlight, so infilling never changes a depth; it only decides how much light the
wavelength loses and how it reacts to pointing jitter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.ndimage import uniform_filter1d

from ariel_kit.core.errors import UnknownNameError
from ariel_kit.data.calibration_maps import Calibration

CLIP_SIGMA = 5.0
CLIP_ROUNDS = 5
LINEARITY_LEVELS = (1e4, 3e4, 6e4)
LINEARITY_TOLERANCE = 0.05
PROFILE_COLUMNS = 9
NEIGHBOURS = 3
INFILL_METHODS = ("row", "median", "psf")


class BadPixels(NamedTuple):
    """Masks [shape=(y, x), dtype=bool] by reason."""

    dead: np.ndarray
    hot: np.ndarray
    wild: np.ndarray

    @property
    def any(self) -> np.ndarray:
        """Bad for any reason."""
        return self.dead | self.hot | self.wild


@dataclass(frozen=True)
class Donors:
    """What replaces each bad pixel: entry i adds ``weight[i]`` x pixel ``donor[i]`` to `target[i]`.

    Attributes
    ----------
    target, donor : ndarray [shape=(entry,), dtype=int64]
        Flat pixel indices of the image.
    weight : ndarray [shape=(entry,), dtype=float64]
    """

    target: np.ndarray
    donor: np.ndarray
    weight: np.ndarray


def find_bad_pixels(calibration: Calibration) -> BadPixels:
    """Mark the pixels to infill.

    Dead: the dead map, or a flat that is not positive. Hot: the dark beyond 5 sigma, clipped in
    5 rounds. Wild: a linearity correction that differs from the median pixel's by more than 5 %
    somewhere between 1e4 and 6e4 electrons, which no working pixel does.

    Returns
    -------
    BadPixels
    """
    dead = calibration.dead | (calibration.flat <= 0)
    terms = calibration.linear_corr[:, ~dead]
    wild = np.zeros_like(dead)
    for level in LINEARITY_LEVELS:
        correction = level ** np.arange(len(terms)) @ terms / level
        wild[~dead] |= np.abs(correction / np.median(correction) - 1) > LINEARITY_TOLERANCE
    hot = ~sigma_clip(calibration.dark, sigma=CLIP_SIGMA, rounds=CLIP_ROUNDS)
    return BadPixels(dead, hot, wild)


def sigma_clip(values: np.ndarray, *, sigma: float, rounds: int) -> np.ndarray:
    """Mark what stays after clipping around the median, as `astropy.stats.sigma_clip` does.

    Returns
    -------
    ndarray [shape=like values, dtype=bool]

    Examples
    --------
    >>> sigma_clip(np.array([1.0, 2.0, 3.0, 2.0, 90.0]), sigma=1.5, rounds=5)
    array([ True,  True,  True,  True, False])
    """
    kept = np.ones(values.shape, dtype=bool)
    for _ in range(rounds):
        inside = np.abs(values - np.median(values[kept])) <= sigma * np.std(values[kept])
        if np.all(inside[kept]):
            break
        kept &= inside
    return kept


def fill_levels(levels: np.ndarray, bad: np.ndarray) -> np.ndarray:
    """The mean image, its bad pixels taken from `model_levels`."""
    return np.where(bad, model_levels(levels, bad), levels)


def model_levels(levels: np.ndarray, bad: np.ndarray) -> np.ndarray:
    """Model the mean image: in each column's neighbourhood one row profile times a flux.

    Parameters
    ----------
    levels : ndarray [shape=(y, x), unit=electron]
        Mean image.
    bad : ndarray [shape=(y, x), dtype=bool]

    Returns
    -------
    ndarray [shape=(y, x), dtype=float64, unit=electron]
    """
    good = ~bad
    known = np.where(good, levels, 0.0)
    flux = known.sum(axis=0)
    for _ in range(4):
        profile = _smooth(known * flux) / np.maximum(_smooth(good * flux**2), 1e-30)
        flux = (known * profile).sum(axis=0) / np.maximum((good * profile**2).sum(axis=0), 1e-30)
    return np.asarray(profile * flux)


def _smooth(image: np.ndarray) -> np.ndarray:
    return uniform_filter1d(image, PROFILE_COLUMNS, axis=1, mode="mirror")


def find_donors(
    method: str,
    levels: np.ndarray,
    *,
    usable: np.ndarray,
    targets: np.ndarray,
    reach: tuple[int, int],
) -> Donors:
    """Choose the donors of bad pixels.

    Parameters
    ----------
    method : str
        ``row``: the nearest good pixels left and right, by distance. ``median``: of the three
        pixels on either side, those of median level. ``psf``: the good pixels within `reach`,
        scaled to the modelled level; also what stands in where the others find no donor.
    levels : ndarray [shape=(y, x), unit=electron]
        Mean image, bad pixels modelled.
    usable : ndarray [shape=(y, x), dtype=bool]
        Pixels that can be donors.
    targets : ndarray [shape=(y, x), dtype=bool]
        Pixels to infill.
    reach : tuple of int
        Rows and columns that ``psf`` looks away from a pixel; further where all are bad.

    Returns
    -------
    Donors

    Raises
    ------
    UnknownNameError
        If there is no such method.
    """
    if method not in INFILL_METHODS:
        raise UnknownNameError("infill method", method, INFILL_METHODS)
    found: list[tuple[int, int, float]] = []
    width = levels.shape[1]
    for y, x in np.argwhere(targets):
        columns, weights = np.zeros(0, np.int64), np.zeros(0)
        if method != "psf":
            choose = _row_donors if method == "row" else _median_donors
            columns, weights = choose(levels[y], np.flatnonzero(usable[y]), x)
        donors = y * width + columns
        if len(donors) == 0:
            donors, weights = _psf_donors(levels, usable, (y, x), reach)
        found += [(y * width + x, int(d), float(w)) for d, w in zip(donors, weights, strict=True)]
    target, donor, weight = zip(*found, strict=True) if found else ((), (), ())
    return Donors(np.array(target, np.int64), np.array(donor, np.int64), np.array(weight, float))


def _row_donors(levels: np.ndarray, good: np.ndarray, x: int) -> tuple[np.ndarray, np.ndarray]:
    left, right = good[good < x][-1:], good[good > x][:1]
    if len(left) and len(right):
        share = (x - left[0]) / (right[0] - left[0])
        return np.array([left[0], right[0]]), np.array([1 - share, share])
    nearest = np.concatenate([left, right])
    return nearest, np.ones(len(nearest))


def _median_donors(levels: np.ndarray, good: np.ndarray, x: int) -> tuple[np.ndarray, np.ndarray]:
    near = good[np.abs(good - x) <= NEIGHBOURS]
    ranked = near[np.argsort(levels[near], kind="stable")]
    middle = ranked[(len(ranked) - 1) // 2 : len(ranked) // 2 + 1]
    return middle, np.full(len(middle), 1 / max(len(middle), 1))


def _psf_donors(
    levels: np.ndarray, usable: np.ndarray, pixel: tuple[int, int], reach: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    away = np.abs(np.indices(levels.shape) - np.reshape(pixel, (2, 1, 1)))
    for rows, columns in (reach, (reach[0], levels.shape[1]), levels.shape):
        donors = np.flatnonzero(usable & (away[0] <= rows) & (away[1] <= columns))
        total = levels.ravel()[donors].sum()
        if total > 0:
            break
    return donors, np.full(len(donors), levels[pixel] / total)
