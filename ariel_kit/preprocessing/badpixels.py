"""Bad pixels, and the good pixels that replace them.

A bad pixel is replaced by a weighted sum of good pixels, its donors, with weights that are constant
in time. Any such sum is proportional to the starlight, so infilling does not change the depth. It
affects only how much light a wavelength loses and how its flux responds to pointing jitter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.ndimage import uniform_filter1d

from ariel_kit.core.errors import UnknownNameError
from ariel_kit.data.calibration_maps import Calibration

CLIP_SIGMA = 5.0
"""Sigma of the clipping of the dark that finds hot pixels, as in the challenge's own notebook."""
CLIP_ROUNDS = 5
"""Rounds of that clipping, as in the challenge's own notebook."""
LARGEST_DARK = 1e6
"""Dark current, in electrons per second, that saturates a pixel within one exposure."""
LARGEST_FLAT = 1e3
"""Relative response above which a pixel counts as dead."""
LINEARITY_LEVELS = (1e4, 3e4, 6e4)
"""Charges, in electrons, at which the linearity corrections of pixels are compared."""
LINEARITY_TOLERANCE = 0.05
"""Largest relative difference of a pixel's linearity correction from that of the median pixel."""
PROFILE_COLUMNS = 9
"""Number of columns that share one row profile in the model of the mean image."""
PROFILE_ROUNDS = 4
"""Number of rounds in which profile and flux of that model are fitted in turn."""
NEIGHBOURS = 3
"""Number of pixels on either side that the method ``median`` chooses from."""
INFILL_METHODS = ("row", "median", "psf")
"""Methods of `find_donors`."""


class BadPixels(NamedTuple):
    """Maps of the bad pixels, one for each reason.

    Attributes
    ----------
    dead, hot, wild : ndarray [shape=(y, x), dtype=bool]
        See `find_bad_pixels`.
    """

    dead: np.ndarray
    hot: np.ndarray
    wild: np.ndarray

    @property
    def any(self) -> np.ndarray:
        """Map of the pixels that are bad for any reason [shape=(y, x), dtype=bool]."""
        return self.dead | self.hot | self.wild


@dataclass(frozen=True)
class Donors:
    """Weights of good pixels, the donors, in the sums that replace bad pixels.

    Entry i adds ``weight[i]`` times pixel ``donor[i]`` to pixel ``target[i]``.

    Attributes
    ----------
    target, donor : ndarray [shape=(entry,), dtype=int64]
        Flat pixel indices of the image.
    weight : ndarray [shape=(entry,), dtype=float64]
        Weight of each entry, constant in time.
    """

    target: np.ndarray
    donor: np.ndarray
    weight: np.ndarray


def find_bad_pixels(calibration: Calibration) -> BadPixels:
    """Find the bad pixels of a detector from its calibration maps.

    A pixel is dead if the dead map marks it or if its flat is not between 0 and 1000. It is hot if
    its dark current is an outlier of 5 sigma, after clipping in 5 rounds. It is wild if its
    linearity correction differs from that of the median pixel by more than 5 % at 1e4, 3e4 or 6e4
    electrons, which does not happen for a working pixel.

    Parameters
    ----------
    calibration : Calibration

    Returns
    -------
    BadPixels

    Examples
    --------
    >>> terms = np.zeros((6, 1, 4))
    >>> terms[1] = 1.0
    >>> dead = np.array([[True, False, False, False]])
    >>> maps = Calibration(np.zeros((1, 4)), dead, np.ones((1, 4)), terms, np.ones((1, 4)))
    >>> find_bad_pixels(maps).any
    array([[ True, False, False, False]])
    """
    dead = calibration.dead | (calibration.flat <= 0) | (calibration.flat > LARGEST_FLAT)
    terms = calibration.linear_corr[:, ~dead]
    wild = np.zeros_like(dead)
    for level in LINEARITY_LEVELS:
        correction = level ** np.arange(len(terms)) @ terms / level
        wild[~dead] |= np.abs(correction / np.median(correction) - 1) > LINEARITY_TOLERANCE
    # The square of a larger number could overflow, and then nothing would be clipped.
    dark = np.clip(calibration.dark, -LARGEST_DARK, LARGEST_DARK)
    hot = ~sigma_clip(dark, sigma=CLIP_SIGMA, rounds=CLIP_ROUNDS)
    return BadPixels(dead, hot, wild)


def sigma_clip(values: np.ndarray, *, sigma: float, rounds: int) -> np.ndarray:
    """Find the values that remain after sigma clipping, as `astropy.stats.sigma_clip` does.

    Parameters
    ----------
    values : ndarray [shape=(...)]
        Values in any unit.
    sigma : float
        Number of standard deviations from the median beyond which a value is clipped.
    rounds : int
        Largest number of rounds; each uses the median and the standard deviation of the values that
        remain.

    Returns
    -------
    ndarray [shape=(...), dtype=bool]
        True for values that remain.

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
    """Replace the bad pixels of a mean image by the model of `model_levels`.

    Parameters
    ----------
    levels : ndarray [shape=(y, x), dtype=float64, unit=electron]
        Mean image.
    bad : ndarray [shape=(y, x), dtype=bool]
        Bad pixels.

    Returns
    -------
    ndarray [shape=(y, x), dtype=float64, unit=electron]

    Examples
    --------
    >>> levels = np.outer([1.0, 5.0, 2.0], np.full(9, 100.0))
    >>> bad = np.zeros(levels.shape, bool)
    >>> bad[1, 4] = True
    >>> fill_levels(np.where(bad, np.nan, levels), bad)[1, 3:6].round()
    array([500., 500., 500.])
    """
    return np.where(bad, model_levels(levels, bad), levels)


def model_levels(levels: np.ndarray, bad: np.ndarray) -> np.ndarray:
    """Model the mean image as a smooth row profile times the flux of each column.

    Profile p and flux f are fitted in turn by least squares, over good pixels only::

        p(y, x) = sum_c level(y, c) f(c) / sum_c f(c)^2,    c within 4 columns of x
        f(x)    = sum_y level(y, x) p(y, x) / sum_y p(y, x)^2

    Parameters
    ----------
    levels : ndarray [shape=(y, x), dtype=float64, unit=electron]
        Mean image; its values at bad pixels are not used.
    bad : ndarray [shape=(y, x), dtype=bool]
        Bad pixels.

    Returns
    -------
    ndarray [shape=(y, x), dtype=float64, unit=electron]
    """
    good = ~bad
    known = np.where(good, levels, 0.0)
    flux = known.sum(axis=0)
    for _ in range(PROFILE_ROUNDS):
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
        ``row`` takes the nearest good pixels left and right, weighted by distance. ``median`` takes
        the pixel of median level, or the mean of the two, among the three pixels on either side.
        ``psf`` takes the good pixels within `reach`, scaled to the modelled level; it is also used
        where the other methods find no donor.
    levels : ndarray [shape=(y, x), dtype=float64, unit=electron]
        Mean image, with bad pixels replaced by a model.
    usable : ndarray [shape=(y, x), dtype=bool]
        Pixels that can be donors.
    targets : ndarray [shape=(y, x), dtype=bool]
        Pixels to infill.
    reach : tuple of int
        Number of rows and of columns around a pixel in which ``psf`` looks for donors. The search
        is widened where all of them are bad.

    Returns
    -------
    Donors

    Raises
    ------
    UnknownNameError
        If the method is unknown.

    Examples
    --------
    >>> targets = np.array([[False, True, False]])
    >>> image = np.array([[10.0, 0.0, 20.0]])
    >>> find_donors("row", image, usable=~targets, targets=targets, reach=(0, 2)).donor
    array([0, 2])
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
