"""Limb darkening is found where the stars have it, and left alone where they have none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ariel_kit.light_curve.limb_darkening import USUAL, find_limb_darkening, limb_darkening_of
from ariel_kit.simulation import simulate_light_curves, simulate_observation
from ariel_kit.spectral_extraction import fit_planets, simulated_prior
from tests.support.darkened import darkened_planets
from tests.support.visits import as_visits

TRUE = (0.1, 0.25)
PLANETS = darkened_planets(4, TRUE, seed=9173)


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


def test_uniform_stars_have_none(curves):
    assert limb_darkening_of(as_visits(range(len(curves)), curves, edition=2024)) == (0.0, 0.0)


def test_a_fit_of_2025_is_not_one_of_a_uniform_disc():
    visits = [simulate_observation(planet, seed=i) for i, planet in enumerate(PLANETS[:2])]
    prior, uniform = simulated_prior(0), [replace(visit, edition=2024) for visit in visits]
    found, flat = (fit_planets(those, prior=prior) for those in (visits, uniform))
    for planet, right, wrong in zip(PLANETS, found, flat, strict=False):
        assert central(right.fit.limb_darkening) == pytest.approx(central(TRUE), abs=0.015)
        assert right.fit.white_residual < 1.2
        error = right.mean - planet.depths
        assert np.abs(error.mean()) < 5 * right.sigma.mean()
        assert wrong.fit.white_residual > right.fit.white_residual
