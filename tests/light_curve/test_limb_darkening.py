"""Limb darkening is found where the stars have it, and left alone where they have none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ariel_kit.core.config import ExtractionSettings
from ariel_kit.light_curve.limb_darkening import USUAL, find_limb_darkening, with_limb_darkening
from ariel_kit.simulation import draw_planets, simulate_light_curves, simulate_observation
from ariel_kit.spectral_extraction import fit_planets, simulated_prior

TRUE = (0.1, 0.25)
PLANETS = [
    replace(planet, limb_darkening=TRUE) for planet in draw_planets(4, seed=9173, edition=2025)
]


def central(pair: tuple[float, float]) -> float:
    """By how much a planet at mid-transit blocks more than its share of the disc."""
    return 1 / (1 - pair[0] / 3 - pair[1] / 6)


@pytest.fixture(scope="module")
def curves():
    return simulate_light_curves(PLANETS, seed=6)


def test_planted_coefficients_are_found(curves):
    found = find_limb_darkening(curves)
    assert central(found) == pytest.approx(central(TRUE), abs=0.008)
    assert abs(central(tuple(USUAL)) - central(TRUE)) > 0.02


def test_broken_light_curves_do_not_decide(curves):
    airs, fgs1 = curves[0]
    broken = (replace(airs, flux=np.full_like(airs.flux, np.nan)), fgs1)
    assert find_limb_darkening([broken, *curves[:1]]) == find_limb_darkening(curves[:1])
    assert find_limb_darkening([broken]) == tuple(USUAL)


def test_what_is_set_is_kept_and_2024_has_none(curves):
    own = ExtractionSettings(limb_darkening=(0.4, 0.1))
    assert with_limb_darkening(own, curves, {2025}) == own
    plain = with_limb_darkening(ExtractionSettings(), curves, {2024})
    assert plain.limb_darkening == (0.0, 0.0)


def test_a_fit_of_2025_is_not_one_of_a_uniform_disc():
    visits = [simulate_observation(planet, seed=i) for i, planet in enumerate(PLANETS[:2])]
    prior, uniform = simulated_prior(0), ExtractionSettings(limb_darkening=(0.0, 0.0))
    found, flat = (fit_planets(visits, prior=prior, settings=s) for s in (None, uniform))
    for planet, right, wrong in zip(PLANETS, found, flat, strict=False):
        facts = right.provenance["fit"]
        assert central(facts["limb_darkening"]) == pytest.approx(central(TRUE), abs=0.015)
        assert facts["white_residual"] < 1.2
        error = right.mean - planet.depths
        assert np.abs(error.mean()) < 5 * right.sigma.mean()
        assert wrong.provenance["fit"]["white_residual"] > facts["white_residual"]
