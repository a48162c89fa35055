"""Robust normalisation of time series by their median and median absolute deviation (MAD).

Transits and outliers hardly change these two statistics. The robust Z-score is applied to the time
series that networks take as input: the channels of TCN-JNet
(`jitter_correction.pointing.motion_channels`) and the residual maps of PhySNet and Ti-MAE
(`denoising.maps.make_maps`). ResNet-1D reads spectra, which have no time axis.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ariel_kit.core.errors import ShapeError

MAD_TO_SIGMA = 1.482602218505602
"""Ratio of the standard deviation of a Gaussian to its MAD."""
SMALLEST_SIGMA = 1e-30
"""Sigma of a constant series, so that a division by it is defined."""


class RobustZscore(NamedTuple):
    """Normalised series, with the median and sigma: ``series = values * sigma + median``.

    Attributes
    ----------
    values : ndarray [shape=(time, ...), dtype=float64]
        Zero where a series does not vary.
    median, sigma : ndarray [shape=(1, ...), dtype=float64]
        Location and robust standard deviation, in the unit of the series.
    """

    values: np.ndarray
    median: np.ndarray
    sigma: np.ndarray


def robust_zscore(
    series: ArrayLike, *, axis: int | tuple[int, ...] = 0, centred: bool = False
) -> RobustZscore:
    """Normalise over time: ``(series - median) / (1.4826 MAD)``.

    Transits and outliers hardly change the result, unlike that of mean and standard deviation.

    Parameters
    ----------
    series : ndarray [shape=(time, ...)]
        Series in any unit.
    axis : int or tuple of int
        Axis, or axes, of time.
    centred : bool
        Whether the series is centred on zero already, as after a high-pass filter. It is then only
        scaled, and `median` is zero.

    Returns
    -------
    RobustZscore

    Raises
    ------
    ShapeError
        If the series has no samples along `axis`.

    Examples
    --------
    >>> z = robust_zscore([1.0, 2.0, 3.0, 4.0, 500.0])
    >>> z.values[:4].round(2).tolist(), z.median.tolist(), z.sigma.round(4).tolist()
    ([-1.35, -0.67, 0.0, 0.67], [3.0], [1.4826])
    """
    series = np.asarray(series, dtype=np.float64)
    if series.ndim == 0 or series.size == 0:
        raise ShapeError(f"a series must hold samples along axis {axis}; got shape {series.shape}.")
    median = np.median(series, axis=axis, keepdims=True)
    sigma = np.expand_dims(robust_sigma(series, axis=axis), axis)
    if centred:
        median = np.zeros_like(median)
    values = np.where(sigma > SMALLEST_SIGMA, (series - median) / sigma, 0.0)
    return RobustZscore(values, median, sigma)


def robust_sigma(values: np.ndarray, axis: int | tuple[int, ...] = 0) -> np.ndarray:
    """Compute the robust standard deviation: 1.4826 times the median absolute deviation.

    Parameters
    ----------
    values : ndarray [shape=(...)]
        Values in any unit.
    axis : int or tuple of int
        Axis, or axes, of time.

    Returns
    -------
    ndarray [shape=(...), dtype=float64]
        Sigma without `axis`, in the unit of the values, and at least `SMALLEST_SIGMA`.

    Examples
    --------
    >>> float(robust_sigma(np.array([-1.0, 0.0, 1.0, 2.0, 900.0])).round(4))
    1.4826
    """
    deviation = np.abs(values - np.median(values, axis=axis, keepdims=True))
    sigma = MAD_TO_SIGMA * np.median(deviation, axis=axis)
    return np.asarray(np.maximum(sigma, SMALLEST_SIGMA), np.float64)


def white_noise(flux: np.ndarray) -> np.ndarray:
    """Estimate the standard deviation of the white noise of light curves from first differences.

    Differences of neighbouring samples contain hardly any transit or drift, and outliers hardly
    change their median absolute value.

    Parameters
    ----------
    flux : ndarray [shape=(..., time), unit=electron]
        Light curves.

    Returns
    -------
    ndarray [shape=(...), dtype=float64, unit=electron]
        Zero where there are fewer than 2 samples.
    """
    if flux.shape[-1] < 2:
        return np.zeros(flux.shape[:-1])
    steps = np.abs(np.diff(flux, axis=-1))
    return np.asarray(MAD_TO_SIGMA / np.sqrt(2) * _median(steps), dtype=np.float64)


def _median(values: np.ndarray) -> np.ndarray:
    """Compute the median over the last axis as `numpy.median` does, which takes twice as long."""
    n = values.shape[-1]
    ordered = np.partition(values, (n - 1) // 2, axis=-1)
    # NaN is sorted to the end, and the minimum passes it on.
    return np.asarray((ordered[..., (n - 1) // 2] + ordered[..., n // 2 :].min(axis=-1)) / 2)
