"""Fits with fixed limb darkening: when they are used, and their results."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ariel_kit.light_curve.checks import rms_without_transit, summed
from ariel_kit.light_curve.drift import default_drift
from ariel_kit.light_curve.population import DARKENED_STARS
from ariel_kit.light_curve.simpler import HELD, hold_limb_darkening, is_trusted, simplify
from ariel_kit.light_curve.white_light import WhiteLight, fit_white_light
from ariel_kit.light_curve.window import PATH
from ariel_kit.simulation import draw_planets, simulate_light_curves

pytestmark = pytest.mark.usefixtures("calibrations")

COVARIANCE = default_drift().covariance
PLANETS = [p for p in draw_planets(12, seed=47, edition=2025) if p.path.impact < 0.7][:4]
STARS = [planet.star_info for planet in PLANETS]
DEPTHS = np.array([planet.depths[1:].mean() for planet in PLANETS])


@pytest.fixture(scope="module")
def light():
    return summed([airs for airs, _ in simulate_light_curves(PLANETS, seed=4)])


@pytest.fixture(scope="module")
def white(light) -> WhiteLight:
    return fit_white_light(light, COVARIANCE, DARKENED_STARS, STARS)


def test_good_light_keeps_its_full_fit(white, light):
    assert is_trusted(white).all()
    same, held = simplify(white, light, COVARIANCE)
    assert not held.any()
    assert same is white


def test_a_prior_that_holds_is_tight_where_it_holds_and_as_it_was_elsewhere():
    prior = DARKENED_STARS.prior(STARS[:2])
    told = hold_limb_darkening(prior, np.array([False, True]))
    before, after = (
        np.sqrt(np.diagonal(np.linalg.inv(one.precision), axis1=1, axis2=2))
        for one in (prior, told)
    )
    assert np.allclose(after[0], before[0])
    assert np.allclose(after[1, :PATH], before[1, :PATH])
    assert np.allclose(after[1, PATH:], HELD * before[1, PATH:])
    assert np.array_equal(told.mean, prior.mean)


def test_a_law_of_no_star_is_held_at_the_expected_one(white, light):
    """The limb darkening is far from the prior, as after the fit of a flare."""
    bent = white.window.copy()
    bent[1, PATH:] += 10 * np.sqrt(np.diag(DARKENED_STARS.covariance))[PATH:]
    strange = replace(white, window=bent)
    assert is_trusted(strange).tolist() == [True, False, True, True]
    found, held = simplify(strange, light, COVARIANCE)
    assert held.tolist() == [False, True, False, False]
    assert is_trusted(found).all()
    off = (found.window - white.prior.mean)[1, PATH:]
    assert np.abs(off).max() < 1e-3
    assert found.depth[1] == pytest.approx(DEPTHS[1], rel=0.03)
    assert np.array_equal(found.depth[[0, 2, 3]], white.depth[[0, 2, 3]])


def test_a_jump_in_the_light_leaves_the_limb_darkening_where_it_was_believed(light, white):
    """The level jumps by a third of the depth, as a bad patch of frames makes it."""
    after = light.time > white.window[:, :1] + 0.3
    flux = np.where(after, light.flux * (1 + DEPTHS[:, None] / 3), light.flux)
    broken = replace(light, flux=flux)
    first = fit_white_light(broken, COVARIANCE, DARKENED_STARS, STARS)
    found, held = simplify(first, broken, COVARIANCE)
    assert held.all()
    assert np.allclose(found.window[:, PATH:], found.prior.mean[:, PATH:], atol=1e-3)
    assert np.abs(found.depth / DEPTHS - 1).max() < 0.4


def test_a_drift_alone_explains_light_without_a_transit_and_no_other(light):
    still = replace(light, flux=np.tile(light.flux[:, :1], len(light.time)))
    assert np.allclose(rms_without_transit(still), 0, atol=1e-6)
    assert (rms_without_transit(light) > 5).all()
