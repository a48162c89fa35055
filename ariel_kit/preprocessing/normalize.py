"""Normalise series by robust statistics over time: median and MAD.

All time series that a network reads are robust Z-scores, which transits and outliers hardly affect:
the channels of TCN-JNet (`jitter_correction.pointing.motion_channels`) and the residual maps of
PhySNet and Ti-MAE (`denoising.maps.make_maps`). ResNet-1D reads spectra, which have no axis in
time.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ariel_kit.core.errors import ShapeError

MAD_TO_SIGMA = 1.482602218505602
"""Standard deviation of a Gaussian over its median absolute deviation (MAD)."""
SMALLEST_SIGMA = 1e-30
"""Scatter that is assumed for a constant series, to avoid a division by zero."""


class RobustZscore(NamedTuple):
    """Normalised series, with ``series = values * sigma + median``.

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

    A transit or an outlier changes a mean and a standard deviation much more than median and MAD.

    Parameters
    ----------
    series : ndarray [shape=(time, ...)]
        In any unit.
    axis : int or tuple of int
        The axis, or axes, of time.
    centred : bool
        Whether the mean of the series is zero by construction, as after a high-pass filter. It is
        then only scaled, and `median` is zero.

    Returns
    -------
    RobustZscore

    Raises
    ------
    ShapeError
        If there is nothing along `axis`.

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
    """Measure the scatter about the median: 1.4826 times the median absolute deviation.

    Parameters
    ----------
    values : ndarray [shape=(...)]
        In any unit.
    axis : int or tuple of int
        The axis, or axes, of time.

    Returns
    -------
    ndarray [shape=(...), dtype=float64]
        Without `axis`; in the unit of the values, and never zero.

    Examples
    --------
    >>> float(robust_sigma(np.array([-1.0, 0.0, 1.0, 2.0, 900.0])).round(4))
    1.4826
    """
    deviation = np.abs(values - np.median(values, axis=axis, keepdims=True))
    sigma = MAD_TO_SIGMA * np.median(deviation, axis=axis)
    return np.asarray(np.maximum(sigma, SMALLEST_SIGMA), np.float64)


def white_noise(flux: np.ndarray) -> np.ndarray:
    """Measure one sigma of the white noise of light curves, from first differences.

    Differences of neighbours hold neither transit nor drift, and outliers hardly move their median
    absolute value.

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
