"""Depths of planets near the limb: a Gaussian where it holds, a walk where the depth is open."""

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
    """The planet on an orbit of this impact parameter, of which the catalogue knows to 0.03."""
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


def test_a_depth_that_is_known_needs_no_walk_however_near_the_limb(planets, light, white):
    found, spread = explore_grazing(white, light, COVARIANCE)
    assert (spread[:3] == 0).all()
    assert np.array_equal(found.depth[:3], white.depth[:3])
    truth = np.array([planet.depths[1:].mean() for planet in planets])
    off = (white.depth - truth)[:3] / white.sigma[:3, -1]
    assert np.abs(off).max() < 3
    assert (white.sigma[:3, -1] < CERTAIN * truth[:3]).all()


def test_a_planet_that_only_grazes_is_walked_and_its_spread_holds_the_truth(planets, light, white):
    assert graze(white).tolist() == [False, False, False, True]
    found, spread = explore_grazing(white, light, COVARIANCE)
    truth = planets[3].depths[1:].mean()
    assert spread[3] > 0.2 * truth
    assert abs(found.depth[3] - truth) < 2 * spread[3]
