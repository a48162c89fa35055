"""Draw pointing jitter: one white process of the telescope, which both instruments see.

The telescope's shift is drawn every 0.1 s. An FGS1 exposure sees one such step; an AIRS exposure
averages 45 of them, twelve of which FGS1 saw too. Shifts enter the images to second order, so
what a read needs are the means of dy, dx, dy^2, dy dx, dx^2 over its exposure.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ariel_kit.core.instruments import AIRS, FGS1, Instrument

STEP = 0.1
"""Seconds between two draws of the shift."""
FGS1_JITTER = 0.1
"""One sigma of a step, FGS1 pixels."""
AIRS_SCALE = 0.8
"""AIRS pixels per FGS1 pixel of image motion."""
N_MOMENTS = 5


class Pointing(NamedTuple):
    """Moments of the shift about the mean image, for the light of each read.

    Attributes
    ----------
    airs_even, airs_odd : ndarray [shape=(time, 5), dtype=float32, unit=pixel]
        Means of dy, dx, dy^2, dy dx, dx^2 up to the first read, and from it to the second.
    fgs1_even, fgs1_odd : ndarray [shape=(fgs1 time, 5), dtype=float32, unit=pixel]
    """

    airs_even: np.ndarray
    airs_odd: np.ndarray
    fgs1_even: np.ndarray
    fgs1_odd: np.ndarray


def draw_pointing(rng: np.random.Generator, n_airs_pairs: int) -> Pointing:
    """Draw the jitter of an observation.

    Parameters
    ----------
    rng : numpy.random.Generator
    n_airs_pairs : int
        Length of the observation.

    Returns
    -------
    Pointing

    Examples
    --------
    >>> pointing = draw_pointing(np.random.default_rng(0), 1000)
    >>> pointing.fgs1_odd.shape
    (12000, 5)
    >>> round(float(pointing.airs_odd[:, 0].std()), 3)
    0.012
    """
    per_pair = _steps(AIRS.cadence)
    shift = FGS1_JITTER * rng.standard_normal((n_airs_pairs * per_pair, 2), dtype=np.float32)
    airs_even, airs_odd = _reads(AIRS_SCALE * shift, AIRS, AIRS_SCALE * FGS1_JITTER)
    fgs1_even, fgs1_odd = _reads(shift, FGS1, FGS1_JITTER)
    return Pointing(airs_even, airs_odd, fgs1_even, fgs1_odd)


def moment_sigma(instrument: Instrument) -> np.ndarray:
    """Compute one sigma of the moments of a CDS frame.

    Returns
    -------
    ndarray [shape=(5,), dtype=float64]

    Examples
    --------
    >>> moment_sigma(FGS1).round(4)
    array([0.1   , 0.1   , 0.0141, 0.01  , 0.0141])
    """
    step = FGS1_JITTER * (1.0 if instrument is FGS1 else AIRS_SCALE)
    of_one_step = np.array([step, step, *(step**2 * np.sqrt([2, 1, 2]))])
    return np.asarray(of_one_step / np.sqrt(_steps(instrument.exposure)))


def _steps(seconds: float) -> int:
    return round(seconds / STEP)


def _reads(
    shift: np.ndarray, instrument: Instrument, sigma: float
) -> tuple[np.ndarray, np.ndarray]:
    """Average moments over the light of the even read, and over that between even and odd."""
    pairs = shift.reshape(-1, _steps(instrument.cadence), 2)
    first, last = (_steps(time) for time in instrument.read_times)
    return _moments(pairs[:, :first], sigma), _moments(pairs[:, first:last], sigma)


def _moments(shift: np.ndarray, sigma: float) -> np.ndarray:
    """Average over axis 1, minus the blur of `sigma`, which the mean image already contains."""
    dy, dx = shift[..., 0], shift[..., 1]
    blur = np.float32(sigma**2)
    moments = np.empty((len(shift), N_MOMENTS), dtype=np.float32)
    for k, product in enumerate((dy, dx, dy * dy - blur, dy * dx, dx * dx - blur)):
        moments[:, k] = product.mean(axis=1)
    return moments
