"""Spectra with errors of a known covariance: what learning is tried on without fitting light."""

from __future__ import annotations

import numpy as np

from ariel_kit.core.instruments import N_AIRS, N_WAVELENGTHS, wavelengths
from ariel_kit.core.spectrum import FitFacts, Spectrum
from ariel_kit.simulation import draw_planets

LEVEL, SHAPE, FGS1 = 15e-6, 8e-6, 20e-6
"""One sigma of the level of AIRS, of its shape and of FGS1; transit depth."""
FACTS = FitFacts(3.7, 1.2, 0.1, 0.2, (0.0,) * 4, (0.0,) * 4, 2e-3, 1e-5, 1.0)


def error_covariance() -> np.ndarray:
    """Covariance of the errors: one level, smooth shapes, FGS1 tied a little to the level."""
    channel = np.arange(N_AIRS)
    smooth = np.exp(-0.5 * ((channel[:, None] - channel) / 12) ** 2)
    centre = np.eye(N_AIRS) - 1 / N_AIRS
    covariance = np.zeros((N_WAVELENGTHS, N_WAVELENGTHS))
    covariance[1:, 1:] = SHAPE**2 * centre @ smooth @ centre + LEVEL**2 + 1e-14 * np.eye(N_AIRS)
    covariance[0, 0] = FGS1**2
    covariance[0, 1:] = covariance[1:, 0] = 0.3 * FGS1 * LEVEL
    return covariance


def draw_measured(
    n: int,
    *,
    seed: int,
    left: float = 0.0,
    factors: tuple[float, float, float] = (1.0, 1.0, 1.0),
) -> tuple[list[Spectrum], np.ndarray]:
    """Draw planets and measure them.

    Parameters
    ----------
    n, seed : int
    left : float
        Foreground that was left in, over the star's light: depths come out smaller by it.
    factors : tuple of float
        True errors of level, shape and FGS1 over those that the covariance states.

    Returns
    -------
    spectra : list of Spectrum
    truth : ndarray [shape=(planet, 283)]
    """
    rng = np.random.default_rng(seed)
    covariance = error_covariance()
    truth = np.array([planet.depths for planet in draw_planets(n, seed=seed, stars=(2, 3))])
    level, shape, fgs1 = factors
    root = np.linalg.cholesky(covariance)
    errors = rng.standard_normal((n, N_WAVELENGTHS)) @ root.T
    mean_error = errors[:, 1:].mean(axis=1, keepdims=True)
    errors[:, 1:] = shape * (errors[:, 1:] - mean_error) + level * mean_error
    errors[:, 0] *= fgs1
    measured = truth / (1 + left) + errors
    sigma = np.sqrt(np.diag(covariance))
    return [
        Spectrum(i, wavelengths(), mean, sigma, covariance, fit=FACTS)
        for i, mean in enumerate(measured)
    ], truth
