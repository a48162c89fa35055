"""Which weight each pixel gets in a light curve, from the planet's own mean image.

Weights are constant in time, so an extracted flux is linear in the starlight: the choice of
weights changes the noise of a light curve, never its depth.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import spline_filter1d

JITTER_PRIOR = 0.3
"""Pixels; image motion the weights have to be blind to, larger than any seen."""
STAMP_SHARE = 0.05
"""A pixel enters the FGS1 stamp where its light exceeds this share of its read noise variance."""
MAX_STAMP = 200


def optimal_rows(star: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Row weights of least noise for each column, blind to first-order motion along the rows.

    Parameters
    ----------
    star, variance : ndarray [shape=(row, x), unit=electron]
        Mean starlight, and the noise variance of one CDS frame; infinite where bad.

    Returns
    -------
    ndarray [shape=(row, x), dtype=float64]
        The weighted sum of a column equals its plain sum on average.
    """
    slope = derivative(star, axis=0)
    weights = np.zeros_like(star)
    for column in range(star.shape[1]):
        modes = slope[:, column, None]
        weights[:, column] = blind_weights(star[:, column], variance[:, column], modes)
    return weights


def blind_weights(star: np.ndarray, variance: np.ndarray, modes: np.ndarray) -> np.ndarray:
    """Weights of least noise among those that keep the total flux and do not see `modes`.

    With V the noise covariance, modes included at `JITTER_PRIOR`, these are
    ``w = V^-1 p sum(p) / (p' V^-1 p)``.

    Parameters
    ----------
    star : ndarray [shape=(pixel,)]
    variance : ndarray [shape=(pixel,)]
        Infinite where a pixel is bad: its weight is zero and the others make up for it.
    modes : ndarray [shape=(pixel, mode)]
        Change of the image per pixel of motion.
    """
    precision = 1 / variance
    spread = np.eye(modes.shape[1]) / JITTER_PRIOR**2 + modes.T @ (precision[:, None] * modes)
    weights = precision * star
    weights -= precision * (modes @ np.linalg.solve(spread, modes.T @ weights))
    return weights * (star.sum() / (weights @ star))


def psf_weights(star: np.ndarray, variance: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Weights of least noise over a stamp, blind to first-order motion in both directions.

    Parameters
    ----------
    star, variance : ndarray [shape=(y, x), unit=electron]
    inside : ndarray [shape=(y, x), dtype=bool]
        The good pixels of the stamp.

    Returns
    -------
    ndarray [shape=(y, x), dtype=float64]
        Zero outside; the weighted sum equals, on average, the sum of all the star's pixels.
    """
    modes = np.stack([derivative(star, axis=axis)[inside] for axis in (0, 1)], axis=1)
    weights = np.zeros_like(star)
    weights[inside] = blind_weights(star[inside], variance[inside], modes)
    return weights


def brightest_pixels(star: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """The set of brightest pixels whose plain sum has the highest signal-to-noise ratio.

    Returns
    -------
    ndarray [shape=(y, x), dtype=bool]
    """
    order = np.argsort(-star, axis=None)
    light = np.cumsum(star.ravel()[order])
    snr = light / np.sqrt(np.cumsum(variance.ravel()[order]))
    core = np.zeros(star.size, dtype=bool)
    core[order[: int(np.argmax(snr)) + 1]] = True
    return core.reshape(star.shape)


def stamp(star: np.ndarray, read_variance: np.ndarray) -> np.ndarray:
    """The pixels that hold enough starlight to be worth reading.

    Returns
    -------
    ndarray [shape=(y, x), dtype=bool]
    """
    bright = star > STAMP_SHARE * read_variance
    if bright.sum() > MAX_STAMP:
        bright &= star >= np.sort(star, axis=None)[-MAX_STAMP]
    return bright


def pointing_weights(
    star: np.ndarray, variance: np.ndarray, inside: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Weights whose sum, over the flux, is the star's motion in y and in x.

    Least squares of a frame on the mean image and its two derivatives, whose scale is set so that
    a unit of motion moves the first moment of the image by one pixel.

    Returns
    -------
    y, x : ndarray [shape=(y, x), dtype=float64, unit=pixel]
    """
    slopes = [-derivative(star, axis=axis)[inside] for axis in (0, 1)]
    for axis, grid in enumerate(np.indices(star.shape)):
        slopes[axis] *= star[inside].sum() / (grid[inside] @ slopes[axis])
    design = np.stack([star[inside], *slopes], axis=1)
    weighted = design / variance[inside][:, None]
    solution = np.linalg.solve(design.T @ weighted, weighted.T) * star[inside].sum()
    weights = np.zeros((2, *star.shape))
    weights[:, inside] = solution[1:]
    return weights[0], weights[1]


def derivative(image: np.ndarray, *, axis: int) -> np.ndarray:
    """Slope of the cubic spline through the pixels.

    Examples
    --------
    >>> derivative(np.arange(20.0)[:, None] ** 2, axis=0)[9:11, 0].round(1)
    array([18., 20.])
    """
    coefficients = spline_filter1d(image, order=3, axis=axis, mode="mirror")
    padding = [(0, 0)] * image.ndim
    padding[axis] = (1, 1)
    padded = np.moveaxis(np.pad(coefficients, padding, mode="reflect"), axis, 0)
    return np.moveaxis((padded[2:] - padded[:-2]) / 2, 0, axis)
