"""A first look at the transit in white light: the box that lowers the drift's misfit most."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ariel_kit.core.instruments import OBSERVATION_HOURS
from ariel_kit.light_curve.drift import time_basis

MID_TIMES = OBSERVATION_HOURS / 2 + np.arange(-2.7, 2.7001, 0.04)
HALF_DURATIONS = np.geomspace(0.35, 4.6, 52)
SMALLEST_DIP, LARGEST_DIP = 1e-5, 0.15
LEAST_POWER = 1e-6
"""Of a box, relative to the whole light curve."""


@dataclass(frozen=True)
class Light:
    """Summed light curves of a batch of planets on one time grid.

    Attributes
    ----------
    time, span : ndarray [shape=(time,), dtype=float64, unit=hour]
    flux, noise : ndarray [shape=(planet, time), dtype=float64, unit=electron]
        A bin without data has infinite noise.
    """

    time: np.ndarray
    span: np.ndarray
    flux: np.ndarray
    noise: np.ndarray

    def take(self, rows: list[int]) -> Light:
        """Take some of the planets."""
        return Light(self.time, self.span, self.flux[rows], self.noise[rows])


@dataclass(frozen=True)
class Dips:
    """The best box of each planet.

    Attributes
    ----------
    mid_time, half_duration : ndarray [shape=(planet,), dtype=float64, unit=hour]
    depth : ndarray [shape=(planet,), dtype=float64]
    """

    mid_time: np.ndarray
    half_duration: np.ndarray
    depth: np.ndarray


def find_dips(light: Light, drift_covariance: np.ndarray) -> Dips:
    """Try boxes of many timings and lengths, with level and drift solved for at each.

    Parameters
    ----------
    light : Light
    drift_covariance : ndarray [shape=(degree, degree) or (planet, degree, degree)]
        Prior of the Legendre coefficients of the drift.

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
        # Everything below is orthogonal to the drift in the planet's own weights.
        flat = y * weight - weighted @ np.linalg.solve(gram, weighted.T @ y)
        overlap = boxes @ weighted
        power = boxes @ weight - np.einsum("gi,gi->g", overlap, np.linalg.solve(gram, overlap.T).T)
        dip = -(boxes @ flat)
        # A box over the whole visit is the level itself, and has no power of its own.
        seen = power > LEAST_POWER * weight.sum()
        gain = np.where(seen, dip * np.abs(dip) / np.where(seen, power, 1.0), 0.0)
        best.append(int(np.argmax(gain)))
        depths.append(dip[best[-1]] / power[best[-1]] if seen[best[-1]] else 0.0)
    return Dips(mid_time[best], half[best], np.clip(depths, SMALLEST_DIP, LARGEST_DIP))
