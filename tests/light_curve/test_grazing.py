"""Depths of planets near the limb: Gaussian where valid, otherwise from a grid of fits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ariel_kit.light_curve.checks import summed
from ariel_kit.light_curve.dips import Light
from ariel_kit.light_curve.drift import default_drift
from ariel_kit.light_curve.grazing import CERTAIN, explore_grazing, graze
from ariel_kit.light_curve.population import DARKENED_STARS
from ariel_kit.light_curve.white_light import WhiteLight, fit_white_light
from ariel_kit.simulation import draw_planets, simulate_light_curves
from ariel_kit.simulation.scene import PlanetTruth

pytestmark = pytest.mark.usefixtures("calibrations")

COVARIANCE = default_drift().covariance
IMPACTS = (0.3, 0.8, 0.9, 1.05)


def at_impact(planet: PlanetTruth, impact: float) -> PlanetTruth:
    """Move the planet to an orbit of this impact parameter, known to the catalogue to 0.03."""
    path, star = planet.path, planet.star_info
    true = float(np.degrees(np.arccos(impact / path.distance)))
    told = float(np.degrees(np.arccos((impact + 0.03) / star.semi_major_axis)))
    path = path._replace(mid_time=3.75, inclination=true)
    return replace(planet, path=path, star_info=replace(star, inclination=told))


@pytest.fixture(scope="module")
def planets() -> list[PlanetTruth]:
    drawn = draw_planets(len(IMPACTS), seed=8803, edition=2025)
    return [at_impact(planet, impact) for planet, impact in zip(drawn, IMPACTS, strict=True)]


@pytest.fixture(scope="module")
def light(planets: list[PlanetTruth]) -> Light:
    return summed([airs for airs, _ in simulate_light_curves(planets, seed=3)])


@pytest.fixture(scope="module")
def white(planets: list[PlanetTruth], light: Light) -> WhiteLight:
    stars = [planet.star_info for planet in planets]
    return fit_white_light(light, COVARIANCE, DARKENED_STARS, stars)


def test_a_depth_that_is_known_needs_no_walk(planets, light, white):
    found, spread = explore_grazing(white, light, COVARIANCE)
    assert (spread[:2] == 0).all()
    assert np.array_equal(found.depth[:2], white.depth[:2])
    truth = np.array([planet.depths[1:].mean() for planet in planets])
    off = (white.depth - truth)[:2] / white.sigma[:2, -1]
    assert np.abs(off).max() < 3
    assert (white.sigma[:2, -1] < CERTAIN * truth[:2]).all()


def test_planets_that_graze_or_should_are_walked_and_their_spread_holds_the_truth(
    planets, light, white
):
    """The catalogue has the third planet at impact parameter 0.93, grazing; its depth is known."""
    assert graze(white).tolist() == [False, False, True, True]
    assert white.sigma[2, -1] < CERTAIN * white.depth[2]
    found, spread = explore_grazing(white, light, COVARIANCE)
    truth = np.array([planet.depths[1:].mean() for planet in planets])
    assert spread[3] > 0.2 * truth[3]
    assert (np.abs(found.depth - truth)[2:] < 2 * spread[2:]).all()
