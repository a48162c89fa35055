"""Robust statistics over time: the normalisation networks see, and the noise of a light curve."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ariel_kit.core.errors import ShapeError

MAD_TO_SIGMA = 1.482602218505602
"""Standard deviation of a Gaussian over its median absolute deviation."""


class RobustZscore(NamedTuple):
    """Normalised values and what undoes it: ``flux = values * 1.4826 * mad + median``."""

    values: np.ndarray
    median: np.ndarray
    mad: np.ndarray


def robust_zscore(flux: ArrayLike, *, axis: int = 0) -> RobustZscore:
    """Normalise along one axis by median and median absolute deviation.

    A transit or an outlier moves a mean and a standard deviation; it hardly moves these.

    Parameters
    ----------
    flux : ndarray [shape=(time, ...), unit=electron]
    axis : int
        The axis of time.

    Returns
    -------
    RobustZscore
        Values [shape=like flux, dtype=float64]; median and mad keep the axis with length 1.
        Where the deviation is zero the values are zero.

    Raises
    ------
    ShapeError
        If there is nothing along `axis`.

    Examples
    --------
    >>> z = robust_zscore([1.0, 2.0, 3.0, 4.0, 500.0])
    >>> z.values[:4].round(2).tolist(), z.median.tolist(), z.mad.tolist()
    ([-1.35, -0.67, 0.0, 0.67], [3.0], [1.0])
    """
    flux = np.asarray(flux, dtype=np.float64)
    if flux.ndim == 0 or flux.shape[axis] == 0:
        raise ShapeError(f"flux must hold samples along axis {axis}; got shape {flux.shape}.")
    median = np.median(flux, axis=axis, keepdims=True)
    mad = np.median(np.abs(flux - median), axis=axis, keepdims=True)
    values = np.divide(
        flux - median,
        MAD_TO_SIGMA * mad,
        out=np.zeros_like(flux),
        where=np.broadcast_to(mad > 0, flux.shape),
    )
    return RobustZscore(values, median, mad)


def white_noise(flux: np.ndarray) -> np.ndarray:
    """One sigma of the white part of light curves, from first differences over the last axis.

    Differences of neighbours forget transit and drift; their median absolute value forgets
    outliers.

    Parameters
    ----------
    flux : ndarray [shape=(..., time), unit=electron]

    Returns
    -------
    ndarray [shape=(...), dtype=float64, unit=electron]
        NaN-free; zero where there are fewer than 2 samples.
    """
    if flux.shape[-1] < 2:
        return np.zeros(flux.shape[:-1])
    steps = np.abs(np.diff(flux, axis=-1))
    return np.asarray(MAD_TO_SIGMA / np.sqrt(2) * np.median(steps, axis=-1), dtype=np.float64)
