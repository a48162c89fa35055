"""What the model error would be on simulated planets of the fast path, beside the one in use.

pytest -m benchmark -s tests/benchmarks/test_model_error_size.py
"""

from __future__ import annotations

import numpy as np
import pytest

from ariel_kit.simulation import draw_planets, simulate_light_curves
from ariel_kit.spectral_extraction import ModelError, fit_light_curves, learn_prior
from ariel_kit.spectral_extraction.model_error import MODEL_ERROR
from tests.support.visits import as_visits


@pytest.mark.benchmark
def test_model_error_of_the_fast_path() -> None:
    groups = [((0, 1), "known"), ((0, 1), "unseen"), ((4, 5), "known"), ((6, 7), "unseen")]
    planets = [
        planet
        for seed, (stars, molecules) in enumerate(groups, start=511)
        for planet in draw_planets(16, seed=seed, stars=stars, molecules=molecules)
    ]
    training = draw_planets(200, seed=7, stars=(0, 1), molecules="known")
    prior = learn_prior(np.array([planet.depths for planet in training]))
    curves = simulate_light_curves(planets, seed=511)
    visits = as_visits([planet.planet_id for planet in planets], curves)
    spectra = fit_light_curves(visits, prior=prior).spectra
    truth = np.array([planet.depths for planet in planets])
    mean = np.array([spectrum.mean for spectrum in spectra])
    covariance = np.array([spectrum.covariance for spectrum in spectra])
    best = ModelError.calibrate(mean, covariance, truth)
    coverage = np.mean(np.abs(mean - truth) < MODEL_ERROR.sigma(covariance))
    print(f"\ncalibrated here: scale {best.scale:.2f}, floor {best.floor * 1e6:.1f} ppm")
    print(f"in use: {MODEL_ERROR}, coverage {coverage:.3f}")
    assert 0.6 < coverage < 0.82
