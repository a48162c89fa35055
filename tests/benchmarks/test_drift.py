"""What the fit makes of drifts of the mission's family and of strange ones, at light-curve level.

pytest -m benchmark -s tests/benchmarks/test_drift.py
"""

from __future__ import annotations

import numpy as np
import pytest

from ariel_kit.core.observation import Visit
from ariel_kit.core.spectrum import Spectrum
from ariel_kit.scoring import log_likelihood_score
from ariel_kit.simulation import draw_planets, simulate_light_curves
from ariel_kit.simulation.drift import DriftFamily
from ariel_kit.simulation.scene import PlanetTruth
from ariel_kit.spectral_extraction import fit_light_curves, learn_prior

TRAINING_SEED, TEST_SEED = 1, 299_792
PLANETS: dict[DriftFamily, int] = {"mission": 200, "legacy": 48, "ramp": 48, "step": 48, "wave": 48}


def fit_family(family: DriftFamily) -> tuple[list[PlanetTruth], list[Spectrum]]:
    planets = draw_planets(PLANETS[family], seed=TEST_SEED, drift=family)
    curves = simulate_light_curves(planets, seed=TEST_SEED)
    visits = [
        Visit(planet.planet_id, planet.edition, *pair)
        for planet, pair in zip(planets, curves, strict=True)
    ]
    labels = draw_planets(200, seed=TRAINING_SEED)
    prior = learn_prior(np.array([planet.depths for planet in labels]))
    return planets, fit_light_curves(visits, prior=prior).spectra


@pytest.mark.benchmark
def test_table_of_drift_families() -> None:
    """Score, error of the white depth, coverage, and how many drifts are of no family."""
    print("\n| drift | planets | score | white depth, ppm | coverage | of no family |")
    print("|---|---|---|---|---|---|")
    scores = {}
    for family in PLANETS:
        planets, spectra = fit_family(family)
        truth = np.array([planet.depths for planet in planets])
        mean, sigma = (
            np.array([getattr(one, what) for one in spectra]) for what in ("mean", "sigma")
        )
        scores[family] = float(log_likelihood_score(truth, mean, sigma))
        white = (mean - truth)[:, 1:].mean(axis=1)
        free = np.mean([one.fit.free_drift for one in spectra if one.fit is not None])
        print(
            f"| {family} | {len(planets)} | {scores[family]:.4f} | {white.std() * 1e6:.1f} | "
            f"{np.mean(np.abs(mean - truth) < sigma):.3f} | {free:.2f} |"
        )
    assert scores["mission"] > 0.765
    assert scores["ramp"] > 0.72
