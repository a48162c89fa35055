"""The model error against a planted one."""

from __future__ import annotations

import numpy as np
import pytest

from ariel_kit.spectral_extraction import ModelError


def test_sigma_adds_scaled_posterior_and_floor(rng: np.random.Generator) -> None:
    factor = rng.normal(size=(3, 5, 5)) * 1e-5
    covariance = factor @ factor.transpose(0, 2, 1)
    sigma = ModelError(scale=1.5, floor=2e-5).sigma(covariance)
    for planet, row in zip(covariance, sigma, strict=True):
        expected = [np.hypot(1.5 * np.sqrt(planet[i, i]), 2e-5) for i in range(5)]
        assert row == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("planted", [ModelError(1.3, 2e-5), ModelError(0.8, 5e-6)])
def test_calibrate_finds_the_planted_error(planted: ModelError, rng: np.random.Generator) -> None:
    """Posterior sigmas of 3 to 100 ppm, errors drawn from the planted ones."""
    posterior = np.exp(rng.uniform(np.log(3e-6), np.log(1e-4), (400, 30)))
    covariance = posterior[:, :, None] ** 2 * np.eye(30)
    mean = np.full((400, 30), 0.003)
    truth = mean + planted.sigma(covariance) * rng.standard_normal((400, 30))
    found = ModelError.calibrate(mean, covariance, truth)
    assert found.scale == pytest.approx(planted.scale, rel=0.05)
    assert found.floor == pytest.approx(planted.floor, rel=0.08)
