"""Measured motion of the star at the cadence of AIRS, in units that every planet shares.

Preprocessing measures the pointing of each FGS1 frame (`preprocessing.extraction`). FGS1 is too
coarse for its optics, which leaves the scale of that motion uncertain by 30 %. Here it is divided
by its own scatter, so that an error of the scale cancels, from the network's input to the response
that `correct` fits to the network's output.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.ndimage import uniform_filter1d

from ariel_kit.core.instruments import AIRS, FGS1
from ariel_kit.preprocessing.normalize import MAD_TO_SIGMA

FRAMES = FGS1.n_pairs // AIRS.n_pairs
"""FGS1 frames in one pair of AIRS."""
STEPS = round(AIRS.exposure / FGS1.exposure)
"""FGS1 exposures that fit into one of AIRS: FGS1 sees 12 of 45."""
MOMENTS = ("dy", "dx", "dy2", "dydx", "dx2")
N_CONTEXT = 6
N_CHANNELS = 3 * FRAMES + len(MOMENTS) + 2 + N_CONTEXT
SLOW_SECONDS = 3600.0
"""Row moments lose what is slower: a transit that differs between wavelengths moves the mean width
of the light."""
LIMIT = 20.0
"""Sigma to which channels are clipped, so that a wild frame stays one wild frame."""


class Motion(NamedTuple):
    """What a network reads, and the unit of what it answers.

    Attributes
    ----------
    channels : ndarray [shape=(..., time, 49), dtype=float32]
        Per exposure of AIRS: y, x and relative flux of 12 FGS1 frames, their five moments, row
        centroid and width, all in sigma of their own scatter; then six numbers that are constant
        in time, see `_context`.
    unit : ndarray [shape=(..., 5), dtype=float64, unit=pixel]
        One sigma of the means of dy, dx, dy^2, dy dx, dx^2 over an exposure of AIRS, if the motion
        is white: FGS1 pixels.
    """

    channels: np.ndarray
    unit: np.ndarray


def motion_channels(
    pointing: np.ndarray, flux: np.ndarray, row_moments: np.ndarray, noise: np.ndarray
) -> Motion:
    """Bring measured motion to the cadence of AIRS and to units of its own scatter.

    The flux enters as its deviation from the mean of each dozen: neither transit nor drift can
    reach the network.

    Parameters
    ----------
    pointing : ndarray [shape=(..., fgs1 time, 2), unit=pixel]
        12 frames for each AIRS exposure.
    flux : ndarray [shape=(..., fgs1 time), unit=electron]
    row_moments : ndarray [shape=(..., time, 2), unit=pixel]
    noise : ndarray [shape=(..., 2), unit=pixel]
        One sigma of the noise in `pointing`.

    Returns
    -------
    Motion
    """
    n = row_moments.shape[-2]
    dozens = (*pointing.shape[:-2], n, FRAMES)
    centred = pointing - np.median(pointing, axis=-2, keepdims=True)
    sigma = robust_sigma(centred, axis=-2)
    frames = (centred / sigma[..., None, :]).reshape(*dozens, 2)
    light = flux.reshape(dozens)
    light = light - light.mean(axis=-1, keepdims=True)
    light = light / robust_sigma(light, axis=(-2, -1))[..., None, None]
    rows = high_pass(row_moments, round(SLOW_SECONDS / AIRS.cadence), axis=-2)
    rows = rows / robust_sigma(rows, axis=-2)[..., None, :]
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
    """How far to trust the channels: six numbers, about zero for white motion seen clearly.

    Noise of y and x over their scatter; logarithm of the scatter of their means over a dozen
    frames, 0 if white; correlation of the row centroid with the mean of y and of the width with
    the mean of y^2.
    """
    mean = frames.mean(axis=-2)
    colour = 0.5 * np.log(FRAMES * np.mean(np.clip(mean, -LIMIT, LIMIT) ** 2, axis=-2) + 1e-12)
    seen = np.stack([mean[..., 0], np.mean(frames[..., 0] ** 2, axis=-1)], axis=-1)
    return np.concatenate([noise, colour, _correlation(rows, seen)], axis=-1)


def _correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Of each column over time, which is the last axis but one."""
    a = np.clip(a, -LIMIT, LIMIT) - a.mean(axis=-2, keepdims=True)
    b = np.clip(b, -LIMIT, LIMIT) - b.mean(axis=-2, keepdims=True)
    norm = np.sqrt(np.mean(a**2, axis=-2) * np.mean(b**2, axis=-2))
    return np.asarray(np.mean(a * b, axis=-2) / np.maximum(norm, 1e-12))


def second_order(shift: np.ndarray) -> np.ndarray:
    """The five terms of a shift to second order: y, x, y^2, y x, x^2.

    Parameters
    ----------
    shift : ndarray [shape=(..., 2), unit=pixel]

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
    """Means over the frames of an exposure, about zero and of size one if the motion is white."""
    mean = second_order(frames).mean(axis=-2)
    return (mean - [0, 0, 1, 0, 1]) * np.sqrt(FRAMES / np.array([1, 1, 2, 1, 2]))


def high_pass(values: np.ndarray, window: int, *, axis: int = 0) -> np.ndarray:
    """What is left of a series without its running mean.

    Parameters
    ----------
    values : ndarray [shape=(..., time, ...)]
    window : int
        Samples of the running mean.
    axis : int
        The axis of time.

    Returns
    -------
    ndarray [shape=(..., time, ...), dtype=float64]
    """
    values = np.asarray(values, np.float64)
    return values - uniform_filter1d(values, window, axis=axis)


def robust_sigma(values: np.ndarray, axis: int | tuple[int, ...] = 0) -> np.ndarray:
    """Scatter about the median that outliers do not move; never zero.

    Parameters
    ----------
    values : ndarray [shape=(...)]
    axis : int or tuple of int

    Returns
    -------
    ndarray [shape=(...), dtype=float64]

    Examples
    --------
    >>> float(robust_sigma(np.array([-1.0, 0.0, 1.0, 2.0, 900.0])).round(4))
    1.4826
    """
    off = np.abs(values - np.median(values, axis=axis, keepdims=True))
    return np.asarray(np.maximum(MAD_TO_SIGMA * np.median(off, axis=axis), 1e-30), np.float64)
