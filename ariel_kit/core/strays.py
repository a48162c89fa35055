"""Samples of a light curve that noise cannot explain: particle hits and failed frames."""

from __future__ import annotations

import numpy as np

LIMIT = 8.0
"""A sample that lies more than this many sigmas from the median of its stretch is left out. Of the
real frames of 2025, 6 of 284 500 samples lie farther up and none farther down."""
STRETCH = 144.0 / 3600
"""Hours over which light changes by less than `LIMIT` sigmas of a frame, even in an ingress."""
FEWEST = 5
"""Fewest samples of a stretch for which a median is taken."""


def clip_strays(flux: np.ndarray, noise: np.ndarray, cadence: float) -> tuple[np.ndarray, int]:
    """Replace each sample that noise cannot explain by the median of its stretch.

    Parameters
    ----------
    flux : ndarray [shape=(time, wavelength), unit=electron]
    noise : ndarray [shape=(wavelength,), unit=electron]
        One sigma of a sample.
    cadence : float
        Hours from one sample to the next.

    Returns
    -------
    flux : ndarray [shape=(time, wavelength)]
        Not finite where a stretch has no finite sample.
    count : int
        How many samples were replaced.

    Examples
    --------
    >>> flux = np.full((10, 1), 100.0)
    >>> flux[3] = 900.0
    >>> clipped, count = clip_strays(flux, np.array([10.0]), 0.005)
    >>> float(clipped[3, 0]), count
    (100.0, 1)
    """
    length = max(1, round(STRETCH / cadence))
    if min(length, len(flux)) < FEWEST:
        return flux, 0
    clipped, count = flux, 0
    for first in range(0, len(flux), length):
        # The last stretch reaches back, so that its median is one of as many samples.
        part = flux[max(0, min(first, len(flux) - length)) : first + length]
        median = np.median(part, axis=0)
        if not np.isfinite(median).all():
            median = _finite_median(part)
        own = flux[first : first + length]
        stray = ~(np.abs(own - median) <= LIMIT * noise)
        if stray.any():
            clipped = flux.copy() if clipped is flux else clipped
            clipped[first : first + length] = np.where(stray, median, own)
            count += int(stray.sum())
    return clipped, count


def _finite_median(part: np.ndarray) -> np.ndarray:
    """Take the median of the finite values of each column; NaN where there are none."""
    seen = np.isfinite(part)
    ordered = np.sort(np.where(seen, part, np.inf), axis=0)
    middle = np.maximum(seen.sum(axis=0) - 1, 0) // 2
    median = np.take_along_axis(ordered, middle[None], axis=0)[0]
    return np.where(seen.any(axis=0), median, np.nan)


def fill_gaps(flux: np.ndarray, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Interpolate bins without data; where all wavelengths lack data, the noise becomes infinite.

    Parameters
    ----------
    flux, noise : ndarray [shape=(time, wavelength), unit=electron]

    Returns
    -------
    flux, noise : ndarray [shape=(time, wavelength)]
    """
    good = np.isfinite(flux) & (flux > 0)
    if good.all() or not good.any():
        return flux, noise
    flux, time = flux.copy(), np.arange(len(flux))
    for column in np.flatnonzero(~good.all(axis=0) & good.any(axis=0)):
        seen = good[:, column]
        flux[~seen, column] = np.interp(time[~seen], time[seen], flux[seen, column])
    dead = ~good.any(axis=1)
    return flux, np.where(dead[:, None], np.inf, noise)
