"""Weights of the pixels in a light curve, computed from the mean image of the visit.

The weights are constant in time, so that the extracted flux is linear in the starlight. The choice
of weights changes the noise of a light curve but not the transit depth.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import eigh
from scipy.ndimage import spline_filter1d

AIRS_JITTER, FGS1_JITTER = 0.012, 0.1
"""Image motion between CDS frames, in pixels, that the weights suppress."""
STAMP_SHARE = 0.05
"""Least starlight of a pixel of the FGS1 stamp, relative to its read noise variance."""
MAX_STAMP = 200
"""Largest number of pixels in the FGS1 stamp; the brightest are kept."""
MAX_MODES = 8
"""Largest number of modes of the scatter."""
EDGE_MARGIN = 1.2
"""Least variance of a mode of the scatter, relative to the largest variance of pure noise."""


def optimal_rows(star: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Compute the weights of the rows of each column for optimal extraction.

    The method is that of Horne (1986), with the slope of the image as an additional mode of the
    noise, so that the flux is insensitive to small motion along y.

    Parameters
    ----------
    star : ndarray [shape=(row, x), dtype=float64, unit=electron]
        Mean starlight.
    variance : ndarray [shape=(row, x), dtype=float64, unit=electron^2]
        Noise variance of one CDS frame; infinite where bad.

    Returns
    -------
    ndarray [shape=(row, x), dtype=float64]
        Weights; the weighted sum of a column equals its plain sum on average.
    """
    slopes = AIRS_JITTER * derivative(star, axis=0)
    return blind_weights(star.T, variance.T, slopes.T[..., None]).T


def blind_weights(star: np.ndarray, variance: np.ndarray, modes: np.ndarray) -> np.ndarray:
    """Compute the weights of least noise that keep the total flux.

    With the covariance of one frame, ``V = diag(variance) + modes modes'``, and the star p, the
    weights are ``w = V^-1 p sum(p) / (p' V^-1 p)``. They suppress any large mode. V is inverted by
    the Woodbury formula.

    Parameters
    ----------
    star : ndarray [shape=(..., pixel), dtype=float64, unit=electron]
        Mean starlight of one star, or of several images of it, such as the columns of AIRS.
    variance : ndarray [shape=(..., pixel), dtype=float64, unit=electron^2]
        Infinite where a pixel is bad; its weight is then zero.
    modes : ndarray [shape=(..., pixel, mode), dtype=float64, unit=electron]
        Patterns of correlated noise, each scaled to its standard deviation.

    Returns
    -------
    ndarray [shape=(..., pixel), dtype=float64]
        Zero where every pixel is bad.

    Examples
    --------
    >>> star, variance = np.array([2.0, 2.0]), np.array([1.0, 1.0])
    >>> blind_weights(star, variance, np.zeros((2, 0)))
    array([1., 1.])
    """
    # V^-1 = D - D M (1 + M' D M)^-1 M' D, D the inverse of diag(variance), M the modes
    precision, turned = 1 / variance, np.swapaxes(modes, -1, -2)
    inner = np.eye(modes.shape[-1]) + turned @ (precision[..., None] * modes)
    weights = precision * star
    strength = np.linalg.solve(inner, turned @ weights[..., None])
    weights -= precision * (modes @ strength)[..., 0]
    seen = np.sum(weights * star, axis=-1, keepdims=True)
    return weights * (star.sum(axis=-1, keepdims=True) / np.where(seen, seen, 1.0))


def psf_weights(
    star: np.ndarray, variance: np.ndarray, inside: np.ndarray, scatter: np.ndarray
) -> np.ndarray:
    """Compute the weights of the pixels of FGS1 for optimal extraction.

    The weights suppress the motion of the image by pointing jitter.

    Parameters
    ----------
    star : ndarray [shape=(y, x), dtype=float64, unit=electron]
        Mean starlight.
    variance : ndarray [shape=(y, x), dtype=float64, unit=electron^2]
        Noise variance of one CDS frame; infinite where bad.
    inside : ndarray [shape=(y, x), dtype=bool]
        Pixels of the stamp.
    scatter : ndarray [shape=(pixel, mode), dtype=float64, unit=electron]
        Modes of these pixels, from `scatter_modes`. The slopes of the image are added to them, for
        observations that are too short to measure modes.

    Returns
    -------
    ndarray [shape=(y, x), dtype=float64]
        Weights; zero outside the stamp.
    """
    slopes = [FGS1_JITTER * derivative(star, axis=axis)[inside] for axis in (0, 1)]
    modes = np.concatenate([np.stack(slopes, axis=1), scatter], axis=1)
    weights = np.zeros_like(star)
    weights[inside] = blind_weights(star[inside], variance[inside], modes)
    return weights


def scatter_modes(samples: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Find the modes of correlated noise between frames, which come from motion of the image.

    The differences of neighbouring frames are divided by their noise. For uncorrelated noise the
    eigenvalues of their covariance are below ``(1 + sqrt(pixels / pairs))^2``, the edge of
    Marchenko and Pastur (1967). The eigenvectors of larger eigenvalues are the modes.

    Parameters
    ----------
    samples : ndarray [shape=(pixel, time), dtype=float32, unit=electron]
        Calibrated frames from parts of the observation; zero where bad.
    variance : ndarray [shape=(pixel,), dtype=float64, unit=electron^2]
        Noise variance of one frame; infinite where bad.

    Returns
    -------
    ndarray [shape=(pixel, mode), dtype=float64, unit=electron]
        Modes, each scaled to its standard deviation.
    """
    n = samples.shape[1] // 2
    if n < 2:
        return np.zeros((len(samples), 0))
    steps = samples[:, 1 : 2 * n : 2] - samples[:, : 2 * n : 2]
    steps /= np.sqrt(2 * variance)[:, None].astype(np.float32)
    covariance = (steps @ steps.T).astype(np.float64) / n
    last = len(covariance) - 1
    values, vectors = eigh(covariance, subset_by_index=(max(0, last - MAX_MODES + 1), last))
    sigma = np.where(np.isfinite(variance), np.sqrt(variance), 0.0)
    edge = EDGE_MARGIN * (1 + np.sqrt(len(samples) / n)) ** 2
    found = values > edge
    return sigma[:, None] * vectors[:, found] * np.sqrt(values[found] - 1)


def brightest_pixels(star: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Select the brightest pixels whose unweighted sum has the highest signal-to-noise ratio.

    Parameters
    ----------
    star : ndarray [shape=(y, x), dtype=float64, unit=electron]
        Mean starlight.
    variance : ndarray [shape=(y, x), dtype=float64, unit=electron^2]
        Noise variance of one CDS frame.

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
    """Select the pixels of the stamp: those with enough starlight over their read noise.

    Parameters
    ----------
    star : ndarray [shape=(y, x), dtype=float64, unit=electron]
        Mean starlight.
    read_variance : ndarray [shape=(y, x), dtype=float64, unit=electron^2]
        Read noise variance of one CDS frame.

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
    """Compute the weights of pixels whose sum, over the relative flux, is the motion of the star.

    A frame is fitted by least squares with the mean image and its two slopes:
    ``w = (A' V^-1 A)^-1 A' V^-1``, where A has these three patterns as columns and V is the
    diagonal matrix of the variance. The slopes are scaled so that a unit of motion moves the first
    moment of the image by one pixel. Because FGS1 undersamples its image, that scale is uncertain
    by up to 30 %; the course of the motion in time is exact to 5 % of a frame's jitter.

    Parameters
    ----------
    star : ndarray [shape=(y, x), dtype=float64, unit=electron]
        Mean starlight.
    variance : ndarray [shape=(y, x), dtype=float64, unit=electron^2]
        Noise variance of one CDS frame; infinite where bad.
    inside : ndarray [shape=(y, x), dtype=bool]
        Pixels of the stamp.

    Returns
    -------
    y, x : ndarray [shape=(y, x), dtype=float64, unit=pixel/electron]
        Weights for the motion in y and in x; zero outside the stamp.
    """
    patterns = [star[inside]]
    for axis in (0, 1):
        grid = np.indices(star.shape)[axis]
        slope = derivative(star, axis=axis)[inside]
        patterns.append(slope * star[inside].sum() / (grid[inside] @ slope))
    design = np.stack(patterns, axis=1)
    weighted = design / variance[inside][:, None]
    weights = np.zeros((2, *star.shape))
    weights[:, inside] = np.linalg.solve(design.T @ weighted, weighted.T)[1:]
    return weights[0], weights[1]


def derivative(image: np.ndarray, *, axis: int) -> np.ndarray:
    """Differentiate an image by the cubic spline through its pixels.

    Parameters
    ----------
    image : ndarray [shape=(y, x), dtype=float64, unit=electron]
        Image to differentiate.
    axis : int
        Axis of the derivative.

    Returns
    -------
    ndarray [shape=(y, x), dtype=float64, unit=electron/pixel]

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
