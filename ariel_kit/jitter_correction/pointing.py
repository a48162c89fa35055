"""Input channels of TCN-JNet: the measured motion of the star at the cadence of AIRS.

Preprocessing measures the pointing of each FGS1 frame (`preprocessing.extraction`). Because FGS1
undersamples its image, the scale of that motion is uncertain by 30 %. Every channel is therefore a
robust Z-score over time (`preprocessing.normalize.robust_zscore`). An error of the scale then does
not affect the network, and it cancels in the response that `stage` fits to the network's output.
The relative flux and the high-pass filtered row moments are centred on zero already and are only
scaled.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.ndimage import uniform_filter1d

from ariel_kit.core.instruments import AIRS, FGS1
from ariel_kit.preprocessing.normalize import robust_zscore

FRAMES = FGS1.n_pairs // AIRS.n_pairs
"""Number of FGS1 frames per pair of AIRS."""
STEPS = round(AIRS.exposure / FGS1.exposure)
"""Number of FGS1 exposure times in one AIRS exposure: 45, in 12 of which FGS1 is exposed."""
MOMENTS = ("dy", "dx", "dy2", "dydx", "dx2")
"""Names of the moments of the shift."""
N_CONTEXT = 6
"""Number of channels that are constant in time; see `_context`."""
N_CHANNELS = 3 * FRAMES + len(MOMENTS) + 2 + N_CONTEXT
"""Number of channels in total."""
SLOW_SECONDS = 3600.0
"""Length, in seconds, of the running mean that is subtracted from the row moments. Without it the
transit would appear in the width of the rows, because its depth depends on wavelength."""
LIMIT = 20.0
"""Sigmas to which channels are clipped, so that an outlier does not affect its neighbours."""


class Motion(NamedTuple):
    """Input of the network, and the unit of its output.

    Attributes
    ----------
    channels : ndarray [shape=(..., time, 49), dtype=float32]
        For each exposure of AIRS: y, x and relative flux of 12 FGS1 frames, the five moments of
        those frames, row centroid and row width, all as robust Z-scores; then six numbers that are
        constant in time, see `_context`.
    unit : ndarray [shape=(..., 5), dtype=float64, unit=pixel]
        Standard deviations of the means of dy, dx, dy^2, dy dx, dx^2 over an AIRS exposure for
        white motion, in FGS1 pixels.
    """

    channels: np.ndarray
    unit: np.ndarray


def motion_channels(
    pointing: np.ndarray, flux: np.ndarray, row_moments: np.ndarray, noise: np.ndarray
) -> Motion:
    """Compute the channels of the network from the measured motion.

    The flux is taken relative to its mean over the 12 frames of an AIRS exposure, so that the input
    contains neither transit nor drift.

    Parameters
    ----------
    pointing : ndarray [shape=(..., fgs1 time, 2), unit=pixel]
        Motion in y and x; 12 frames for each AIRS exposure.
    flux : ndarray [shape=(..., fgs1 time), unit=electron]
        Flux of FGS1.
    row_moments : ndarray [shape=(..., time, 2), unit=pixel]
        Row centroid and row width of AIRS.
    noise : ndarray [shape=(..., 2), unit=pixel]
        Standard deviation of the noise in `pointing`.

    Returns
    -------
    Motion
    """
    n = row_moments.shape[-2]
    dozens = (*pointing.shape[:-2], n, FRAMES)
    shift = robust_zscore(pointing, axis=-2)
    frames, sigma = shift.values.reshape(*dozens, 2), shift.sigma[..., 0, :]
    light = flux.reshape(dozens)
    light = light - light.mean(axis=-1, keepdims=True)
    light = robust_zscore(light, axis=(-2, -1), centred=True).values
    rows = high_pass(row_moments, round(SLOW_SECONDS / AIRS.cadence), axis=-2)
    rows = robust_zscore(rows, axis=-2, centred=True).values
    context = _context(frames, rows, noise / sigma)
    channels = np.concatenate(
        [
            frames[..., 0],
            frames[..., 1],
            light,
            _moments_of_dozens(frames),
            rows,
            np.broadcast_to(context[..., None, :], (*rows.shape[:-1], N_CONTEXT)),
        ],
        axis=-1,
    )
    y, x = sigma[..., 0], sigma[..., 1]
    second = np.stack([np.sqrt(2) * y * y, y * x, np.sqrt(2) * x * x], axis=-1)
    unit = np.concatenate([sigma, second], axis=-1) / np.sqrt(STEPS)
    return Motion(np.clip(channels, -LIMIT, LIMIT).astype(np.float32), unit)


def _context(frames: np.ndarray, rows: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Compute six numbers that describe the quality of the channels [shape=(..., 6)].

    They are the noise of y and of x relative to their standard deviations; the logarithms of the
    standard deviations of the means of y and of x over 12 frames, which are 0 for white motion; the
    correlation of the row centroid with the mean of y, and of the row width with the mean of y^2.
    """
    mean = frames.mean(axis=-2)
    colour = 0.5 * np.log(FRAMES * np.mean(np.clip(mean, -LIMIT, LIMIT) ** 2, axis=-2) + 1e-12)
    seen = np.stack([mean[..., 0], np.mean(frames[..., 0] ** 2, axis=-1)], axis=-1)
    return np.concatenate([noise, colour, _correlation(rows, seen)], axis=-1)


def _correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Compute the correlation of each column of two series over time, the second last axis."""
    a = np.clip(a, -LIMIT, LIMIT) - a.mean(axis=-2, keepdims=True)
    b = np.clip(b, -LIMIT, LIMIT) - b.mean(axis=-2, keepdims=True)
    norm = np.sqrt(np.mean(a**2, axis=-2) * np.mean(b**2, axis=-2))
    return np.asarray(np.mean(a * b, axis=-2) / np.maximum(norm, 1e-12))


def second_order(shift: np.ndarray) -> np.ndarray:
    """Compute the five terms of a shift up to second order: y, x, y^2, y x, x^2.

    Parameters
    ----------
    shift : ndarray [shape=(..., 2), unit=pixel]
        Shift in y and x.

    Returns
    -------
    ndarray [shape=(..., 5), unit=pixel]

    Examples
    --------
    >>> second_order(np.array([[2.0, 3.0]]))
    array([[2., 3., 4., 6., 9.]])
    """
    y, x = shift[..., 0], shift[..., 1]
    return np.stack([y, x, y * y, y * x, x * x], axis=-1)


def _moments_of_dozens(frames: np.ndarray) -> np.ndarray:
    """Average moments over 12 frames, scaled to mean 0 and sigma 1 for white motion."""
    mean = second_order(frames).mean(axis=-2)
    return (mean - [0, 0, 1, 0, 1]) * np.sqrt(FRAMES / np.array([1, 1, 2, 1, 2]))


def high_pass(values: np.ndarray, window: int, *, axis: int = 0) -> np.ndarray:
    """Subtract the running mean from a series.

    Parameters
    ----------
    values : ndarray [shape=(..., time, ...)]
        Series to filter.
    window : int
        Length of the running mean in samples.
    axis : int
        Axis of time.

    Returns
    -------
    ndarray [shape=(..., time, ...), dtype=float64]
    """
    values = np.asarray(values, np.float64)
    return values - uniform_filter1d(values, window, axis=axis)
