"""Which model error fits simulated planets of the fast path, for drifts of two families.

pytest -m benchmark -s tests/benchmarks/test_model_error_size.py
"""

from __future__ import annotations

import numpy as np
import pytest

from ariel_kit.scoring import log_likelihood_score
from ariel_kit.simulation import draw_planets, simulate_light_curves
from ariel_kit.simulation.drift import DriftFamily
from ariel_kit.spectral_extraction import ModelError, fit_light_curves, learn_prior
from ariel_kit.spectral_extraction.model_error import MODEL_ERROR
from tests.support.visits import as_visits

SEED = 41_000
"""Of development planets; no reported score is measured on them."""
PER_GROUP = 40
GROUPS = [((0, 1), "known"), ((0, 1), "unseen"), ((14, 15), "known"), ((16, 17), "unseen")]
FAMILIES: tuple[DriftFamily, ...] = ("mission", "legacy")
SCALES = (0.8, 0.9, 0.95, 1.0, 1.05)


def fit_groups(drift: DriftFamily) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Truth and mean [shape=(planet, 283)] and covariance of planets of all groups."""
    planets = [
        planet
        for number, (stars, molecules) in enumerate(GROUPS)
        for planet in draw_planets(
            PER_GROUP, seed=SEED + number, stars=stars, molecules=molecules, drift=drift
        )
    ]
    labels = draw_planets(200, seed=SEED + 99, stars=(0, 1), molecules="known")
    prior = learn_prior(np.array([planet.depths for planet in labels]))
    curves = simulate_light_curves(planets, seed=SEED)
    visits = as_visits([planet.planet_id for planet in planets], curves)
    spectra = fit_light_curves(visits, prior=prior).spectra
    truth = np.array([planet.depths for planet in planets])
    mean = np.array([spectrum.mean for spectrum in spectra])
    return truth, mean, np.array([spectrum.covariance for spectrum in spectra])


@pytest.mark.benchmark
def test_model_error_of_two_families_of_drifts() -> None:
    """The scale in use is honest, and none of the others is better by more than 0.001."""
    fits = [fit_groups(family) for family in FAMILIES]
    truth, mean, covariance = (np.concatenate(parts) for parts in zip(*fits, strict=True))
    best = ModelError.calibrate(mean, covariance, truth)
    print(f"\ncalibrated here: scale {best.scale:.2f}, floor {best.floor * 1e6:.1f} ppm")
    print("| scale | score | coverage |")
    print("|---|---|---|")
    scores = {}
    for scale in SCALES:
        sigma = ModelError(scale, MODEL_ERROR.floor).sigma(covariance)
        scores[scale] = float(log_likelihood_score(truth, mean, sigma))
        coverage = np.mean(np.abs(mean - truth) < sigma)
        print(f"| {scale} | {scores[scale]:.4f} | {coverage:.3f} |")
    in_use = MODEL_ERROR.sigma(covariance)
    assert 0.66 < np.mean(np.abs(mean - truth) < in_use) < 0.71
    assert float(log_likelihood_score(truth, mean, in_use)) > max(scores.values()) - 0.001
