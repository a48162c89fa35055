"""What limb darkening costs in the 2025 edition: known, found by the kit, and left out.

pytest -m benchmark -s tests/benchmarks/test_edition_2025.py
"""

from __future__ import annotations

import numpy as np
import pytest
from ariel_kit.light_curve.limb_darkening import limb_darkening_of

from ariel_kit.scoring import score
from ariel_kit.simulation import draw_planets, simulate_light_curves
from ariel_kit.spectral_extraction import fit, fit_light_curves, learn_prior
from tests.support.darkened import darkened_planets
from tests.support.results import listed, write_results
from tests.support.visits import as_visits

PLANETS = 48
STARS = {"usual": (0.3, 0.15), "another pair": (0.1, 0.25)}


@pytest.mark.benchmark
def test_limb_darkening(monkeypatch: pytest.MonkeyPatch) -> None:
    """Found coefficients are worth nearly as much as the true ones."""
    labels = draw_planets(200, seed=9181)
    prior = learn_prior(np.array([planet.depths for planet in labels]))
    print("\n| stars | limb darkening | score of 2025 | RMSE, ppm | bias, ppm | coverage |")
    print("|---|---|---|---|---|---|")
    for stars, pair in STARS.items():
        planets = darkened_planets(PLANETS, pair, seed=9180)
        curves = simulate_light_curves(planets, seed=9180)
        visits = as_visits([planet.planet_id for planet in planets], curves, edition=2025)
        found = limb_darkening_of(visits)
        tries = {
            "known": pair,
            f"found {found}": found,
            "none": (0.0, 0.0),
        }
        scores = []
        for name, coefficients in tries.items():
            monkeypatch.setattr(fit, "limb_darkening_of", lambda _, these=coefficients: these)
            spectra = fit_light_curves(visits, prior=prior).spectra
            truth = np.array([planet.depths for planet in planets])
            mean, sigma = (
                np.array([getattr(s, key) for s in spectra]) for key in ("mean", "sigma")
            )
            report = score(truth, (mean, sigma), edition=2025)
            scores.append(report.score)
            print(
                f"| {stars} | {name} | {report.score:.3f} | {report.total.rmse_ppm:.1f} | "
                f"{1e6 * np.mean(mean - truth):+.1f} | {report.total.coverage:.3f} |"
            )
        known, found_score, none = scores
        if stars == "usual":
            write_results("limb_darkening", listed(scores))
        assert found_score > known - 0.03
        assert none < known - 0.05
