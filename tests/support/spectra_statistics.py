"""What is compared between simulated and real spectra."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

LEVELS = (5, 25, 50, 75, 95)


class Summary(NamedTuple):
    """Statistics of a set of spectra; ppm."""

    scatter: np.ndarray
    """Quantiles of each spectrum's standard deviation over wavelength."""
    smoothness: float
    """Median difference of neighbouring AIRS channels."""
    fgs1_offset: np.ndarray
    """Quantiles of FGS1 minus the AIRS mean."""
    fgs1_position: np.ndarray
    """Quantiles of FGS1 within the AIRS spectrum: 0 its minimum, 1 its maximum."""
    fgs1_below: float
    """Share of planets whose FGS1 lies below the AIRS mean."""


def summary(depths: np.ndarray) -> Summary:
    fgs1, airs = depths[:, 0] * 1e6, depths[:, 1:] * 1e6
    offset = fgs1 - airs.mean(axis=1)
    position = (fgs1 - airs.min(axis=1)) / np.ptp(airs, axis=1)
    return Summary(
        scatter=np.percentile(depths.std(axis=1) * 1e6, LEVELS),
        smoothness=float(np.median(np.abs(np.diff(airs, axis=1)))),
        fgs1_offset=np.percentile(offset, LEVELS),
        fgs1_position=np.percentile(position, LEVELS),
        fgs1_below=float((offset < 0).mean()),
    )


def components(depths: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Spectra without their means, singular values, and right singular vectors."""
    shapes = depths - depths.mean(axis=1, keepdims=True)
    power, vectors = np.linalg.eigh(shapes.T @ shapes)  # much faster than an SVD of tall matrices
    return shapes, np.sqrt(np.maximum(power[::-1], 0)), vectors.T[::-1]


def ladder(depths: np.ndarray, ranks: int) -> np.ndarray:
    """Residual rms with 1..ranks components, ppm."""
    shapes, values, _ = components(depths)
    power = np.sum(values**2) - np.cumsum(values**2)
    return np.sqrt(power[:ranks] / shapes.size) * 1e6


def residual(depths: np.ndarray, of: np.ndarray, rank: int) -> np.ndarray:
    """`depths` without their means and without the first components of `of`."""
    shapes, _, _ = components(depths)
    basis = components(of)[2][:rank]
    return shapes - shapes @ basis.T @ basis


def captured(depths: np.ndarray, of: np.ndarray, rank: int) -> float:
    """Share of the variance of `depths` inside the first components of `of`."""
    left = residual(depths, of, rank)
    return float(1 - np.sum(left**2) / np.sum(components(depths)[0] ** 2))
