"""Pointing jitter of the telescope, a process of white noise that moves both images.

The shift is drawn every 0.1 s. An FGS1 exposure lasts one such step; an AIRS exposure averages 45
steps, during twelve of which FGS1 is exposed, too. The images are expanded to second order in the
shift, so that a read depends on the means of dy, dx, dy^2, dy dx and dx^2 over its exposure.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ariel_kit.core.instruments import AIRS, FGS1, Instrument

STEP = 0.1
"""Seconds between two draws of the shift."""
FGS1_JITTER = 0.1
"""Standard deviation of the shift of one step, in FGS1 pixels."""
AIRS_SCALE = 0.8
"""Image motion in AIRS pixels per FGS1 pixel."""
N_MOMENTS = 5
"""Number of moments of the shift: dy, dx, dy^2, dy dx, dx^2."""


class Pointing(NamedTuple):
    """Moments of the shift about the mean image, over the exposure of each read.

    Attributes
    ----------
    airs_even, airs_odd : ndarray [shape=(time, 5), dtype=float32, unit=pixel]
        Means of dy, dx, dy^2, dy dx, dx^2 up to the first read, and from it to the second. The
        variances of the shift are subtracted from the means of dy^2 and dx^2.
    fgs1_even, fgs1_odd : ndarray [shape=(fgs1 time, 5), dtype=float32, unit=pixel]
        The same for FGS1.
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
        Length of the observation in AIRS pairs.

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
    """Compute the standard deviations of the moments of a CDS frame.

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
    """Compute moments over the exposure up to the even read, and from the even to the odd read."""
    pairs = shift.reshape(-1, _steps(instrument.cadence), 2)
    first, last = (_steps(time) for time in instrument.read_times)
    return _moments(pairs[:, :first], sigma), _moments(pairs[:, first:last], sigma)


def _moments(shift: np.ndarray, sigma: float) -> np.ndarray:
    """Average over axis 1 and subtract the blur of `sigma`, which the mean image includes."""
    dy, dx = shift[..., 0], shift[..., 1]
    blur = np.float32(sigma**2)
    moments = np.empty((len(shift), N_MOMENTS), dtype=np.float32)
    for k, product in enumerate((dy, dx, dy * dy - blur, dy * dx, dx * dx - blur)):
        moments[:, k] = product.mean(axis=1)
    return moments
