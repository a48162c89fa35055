"""A first estimate of the transit in white light, by a search for the best box-shaped dip."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ariel_kit.core.instruments import OBSERVATION_HOURS
from ariel_kit.light_curve.drift import time_basis

MID_TIMES = OBSERVATION_HOURS / 2 + np.arange(-2.7, 2.7001, 0.04)
"""Mid-times of the boxes, in hours: within 2.7 h of the middle of the visit."""
HALF_DURATIONS = np.geomspace(0.35, 4.6, 52)
"""Half-durations of the boxes, in hours."""
SMALLEST_DIP, LARGEST_DIP = 1e-5, 0.15
"""Range to which the depths of the dips are clipped."""
LEAST_POWER = 1e-6
"""Least weight of a box orthogonal to level and drift, relative to the whole light curve's. A box
of less weight cannot be told from the level and is not considered."""


@dataclass(frozen=True)
class Light:
    """White light curves of a batch of planets on one time grid.

    Attributes
    ----------
    time, span : ndarray [shape=(time,), dtype=float64, unit=hour]
        Middle and length of each bin.
    flux, noise : ndarray [shape=(planet, time), dtype=float64, unit=electron]
        Flux summed over wavelength, and its standard deviation. A bin without data has infinite
        noise.
    """

    time: np.ndarray
    span: np.ndarray
    flux: np.ndarray
    noise: np.ndarray

    def take(self, rows: list[int]) -> Light:
        """Select planets by their index."""
        return Light(self.time, self.span, self.flux[rows], self.noise[rows])


@dataclass(frozen=True)
class Dips:
    """Box-shaped dip of highest likelihood for each planet.

    Attributes
    ----------
    mid_time, half_duration : ndarray [shape=(planet,), dtype=float64, unit=hour]
        Timing of the box.
    depth : ndarray [shape=(planet,), dtype=float64]
        Clipped to `SMALLEST_DIP` .. `LARGEST_DIP`.
    """

    mid_time: np.ndarray
    half_duration: np.ndarray
    depth: np.ndarray


def find_dips(light: Light, drift_covariance: np.ndarray) -> Dips:
    """Find the box-shaped dip that lowers chi-squared most, with level and drift fitted.

    All pairs of `MID_TIMES` and `HALF_DURATIONS` are tried.

    Parameters
    ----------
    light : Light
    drift_covariance : ndarray [shape=(degree, degree) or (planet, degree, degree)]
        Prior covariance of the Legendre coefficients of the drift.

    Returns
    -------
    Dips
    """
    n, degree = len(light.flux), drift_covariance.shape[-1]
    basis = np.column_stack([np.ones_like(light.time), time_basis(light.time, degree)])
    priors = np.zeros((n, degree + 1, degree + 1))
    priors[:, 1:, 1:] = np.linalg.inv(drift_covariance)
    mid_time, half = (grid.ravel() for grid in np.meshgrid(MID_TIMES, HALF_DURATIONS))
    boxes = (np.abs(light.time - mid_time[:, None]) < half[:, None]).astype(float)
    best, depths = [], []
    for flux, noise, prior in zip(light.flux, light.noise, priors, strict=True):
        weight, y = (flux / noise) ** 2, np.log(flux)
        weighted = basis * weight[:, None]
        gram = weighted.T @ basis + prior
        # Level and drift are projected out of the data and of the boxes, by the planet's weights.
        projected = y * weight - weighted @ np.linalg.solve(gram, weighted.T @ y)
        overlap = boxes @ weighted
        power = boxes @ weight - np.einsum("gi,gi->g", overlap, np.linalg.solve(gram, overlap.T).T)
        dip = -(boxes @ projected)
        # A box over the whole visit is the level itself, and nothing of it is left.
        usable = power > LEAST_POWER * weight.sum()
        gain = np.where(usable, dip * np.abs(dip) / np.where(usable, power, 1.0), 0.0)
        best.append(int(np.argmax(gain)))
        depths.append(dip[best[-1]] / power[best[-1]] if usable[best[-1]] else 0.0)
    return Dips(mid_time[best], half[best], np.clip(depths, SMALLEST_DIP, LARGEST_DIP))
