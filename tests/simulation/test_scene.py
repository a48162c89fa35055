"""Planets with known truth: their drift, timing and light, against the real figures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ariel_kit.core.errors import ConfigError, UnknownNameError
from ariel_kit.core.instruments import AIRS, FGS1, OBSERVATION_HOURS
from ariel_kit.light_curve.transit import transit_window
from ariel_kit.simulation.drift import extracted_columns
from ariel_kit.simulation.optics import get_star, star_image
from ariel_kit.simulation.population import draw_planets
from ariel_kit.simulation.scene import PlanetTruth, column_light, relative_light
from ariel_kit.simulation.transits import transmitted_light


@pytest.fixture(scope="module")
def population() -> list[PlanetTruth]:
    return draw_planets(2000, seed=11)


def _without_transit(planet: PlanetTruth) -> PlanetTruth:
    return replace(planet, depths=np.zeros(283))


def test_light_without_a_transit_is_the_drift() -> None:
    planet = _without_transit(draw_planets(1, seed=2)[0])
    time, nothing = np.linspace(0.1, 7.4, 9), np.zeros(9)
    light = relative_light(planet, AIRS, time, nothing, OBSERVATION_HOURS)
    drift = planet.airs_drift(time / OBSERVATION_HOURS, extracted_columns())
    assert light == pytest.approx(1 + drift, rel=1e-12)


def test_fgs1_sees_the_mean_drift_of_its_columns_by_their_light() -> None:
    planet = draw_planets(1, seed=2)[0]
    time, span = np.linspace(0.1, 7.4, 30), np.full(30, 0.02)
    columns = column_light(planet, FGS1, time, span, OBSERVATION_HOURS)
    light = star_image(get_star(planet.star), FGS1)[0].sum(axis=0)
    one = relative_light(planet, FGS1, time, span, OBSERVATION_HOURS)
    assert columns @ light / light.sum() == pytest.approx(one[:, 0], rel=1e-12)
    assert np.ptp(columns / columns.mean(axis=1, keepdims=True), axis=0).max() > 1e-6


def test_columns_of_the_frames_see_the_light_of_their_wavelengths() -> None:
    planet = draw_planets(1, seed=2)[0]
    time, span = np.linspace(0.1, 7.4, 30), np.full(30, 0.02)
    columns = column_light(planet, AIRS, time, span, OBSERVATION_HOURS)
    assert columns.shape == (30, AIRS.width)
    channels = relative_light(planet, AIRS, time, span, OBSERVATION_HOURS)
    assert np.array_equal(columns[:, AIRS.columns][:, ::-1], channels)


def test_another_drift_changes_nothing_else() -> None:
    plain, stepped = (draw_planets(3, seed=6, drift=drift) for drift in ("mission", "step"))
    for a, b in zip(plain, stepped, strict=True):
        for field in ("planet_id", "star", "host", "path", "airs_adc", "fgs1_adc"):
            assert getattr(a, field) == getattr(b, field)
        assert np.array_equal(a.depths, b.depths)
        assert len(b.airs_drift.terms) == 2


def test_transits_are_timed_like_the_real_ones(population: list[PlanetTruth]) -> None:
    mid, half, ratio = np.array([planet.shape for planet in population]).T
    assert mid.min() >= 3.68
    assert mid.max() <= 3.78
    assert np.mean(np.abs(mid - 3.75) < 0.04) > 0.9
    assert half.mean() == pytest.approx(1.32, abs=0.005)
    assert half.std() == pytest.approx(0.06, rel=0.1)
    assert half.min() >= 1.0
    assert half.max() <= 1.6
    stars = np.array([planet.star for planet in population])
    depth = np.array([planet.depths[1:].mean() for planet in population])
    ingress_minutes = 60 * ratio * 2 * np.sqrt(depth) * half
    assert np.median(ingress_minutes[stars == 0]) == pytest.approx(10, rel=0.2)
    assert np.median(ingress_minutes[stars == 1]) == pytest.approx(5.5, rel=0.25)


def test_converters_are_those_of_the_stars(population: list[PlanetTruth]) -> None:
    offsets = np.array([(p.airs_adc.offset, p.fgs1_adc.offset) for p in population])
    assert offsets.mean(axis=0) == pytest.approx([-855, -357], abs=6)
    assert offsets.std(axis=0) == pytest.approx([72, 22], rel=0.1)
    for star, airs, fgs1 in ((0, 1.512, 1.034), (1, 0.931, 0.847)):
        gains = np.array([(p.airs_adc.gain, p.fgs1_adc.gain) for p in population if p.star == star])
        assert gains.mean(axis=0) == pytest.approx([airs, fgs1], rel=0.002)
        assert gains.std(axis=0) / gains.mean(axis=0) == pytest.approx([0.005, 0.005], rel=0.15)


def test_light_is_drift_times_the_transit_that_the_estimator_knows() -> None:
    """The transits of simulator and fit share no code, and agree where both are valid."""
    planet = draw_planets(1, seed=4)[0]
    time = AIRS.pair_times()[::40]
    span = np.full(len(time), 0.04)
    light = relative_light(planet, AIRS, time, span, OBSERVATION_HOURS)
    steady = relative_light(_without_transit(planet), AIRS, time, span, OBSERVATION_HOURS)
    window = transit_window(time, span, planet.shape, planet.depths[1:])
    assert light / steady == pytest.approx((1 - planet.depths[1:, None] * window).T, abs=2e-7)


def test_wavelengths_of_the_light_ascend() -> None:
    planet = draw_planets(1, seed=4)[0]
    middle, nothing = np.array([planet.shape.mid_time]), np.zeros(1)
    steady = _without_transit(planet)
    for instrument, depths in ((AIRS, planet.depths[1:]), (FGS1, planet.depths[:1])):
        dip = 1 - relative_light(planet, instrument, middle, nothing, 7.5) / relative_light(
            steady, instrument, middle, nothing, 7.5
        )
        assert dip[0] == pytest.approx(depths, rel=1e-9)


def test_shorter_observation_holds_the_same_transit_squeezed() -> None:
    planet = draw_planets(1, seed=4)[0]
    time = np.linspace(0.01, 7.49, 200)
    span = np.full(200, 0.03)
    full = relative_light(planet, AIRS, time, span, OBSERVATION_HOURS)
    short = relative_light(planet, AIRS, time / 5, span / 5, OBSERVATION_HOURS / 5)
    assert short == pytest.approx(full, abs=1e-12)


def test_equal_seeds_give_equal_planets_and_others_others() -> None:
    first, again, other = (draw_planets(3, seed=seed) for seed in (1, 1, 2))
    for a, b in zip(first, again, strict=True):
        assert a.planet_id == b.planet_id
        assert np.array_equal(a.depths, b.depths)
        assert a.airs_drift == b.airs_drift
    assert {p.planet_id for p in first}.isdisjoint(p.planet_id for p in other)
    assert not np.array_equal(first[0].rng(1).random(3), first[0].rng(2).random(3))


def test_stars_are_shared_out_evenly() -> None:
    stars = [planet.star for planet in draw_planets(30, seed=0, stars=(0, 5, 9))]
    assert [stars.count(n) for n in (0, 5, 9)] == [10, 10, 10]


def test_limb_darkening_comes_with_the_2025_edition() -> None:
    assert not draw_planets(1, seed=0)[0].limb_darkening.any()
    later = draw_planets(1, seed=0, edition=2025)[0]
    assert later.limb_darkening.any(axis=1).all()
    assert later.adc(AIRS) == later.adc(FGS1) == (0.4369, -1000.0)


@pytest.fixture(scope="module")
def systems() -> list[PlanetTruth]:
    return draw_planets(600, seed=12, edition=2025)


def test_every_planet_of_2025_has_a_star_of_its_own(systems: list[PlanetTruth]) -> None:
    assert len({planet.star for planet in systems}) == len(systems)
    assert len({planet.host.airs_level for planet in systems}) == len(systems)
    assert all(planet.star_info.temperature == planet.host.temperature for planet in systems)


def test_one_planet_in_ten_is_visited_twice(systems: list[PlanetTruth]) -> None:
    twice = [planet for planet in systems if planet.n_visits == 2]
    assert len(twice) / len(systems) == pytest.approx(0.1, abs=0.04)
    first = twice[0]
    second = first.at_visit(1)
    assert np.array_equal(first.depths, second.depths)
    assert np.array_equal(first.limb_darkening, second.limb_darkening)
    assert first.path._replace(mid_time=0.0) == second.path._replace(mid_time=0.0)
    assert first.path.mid_time != second.path.mid_time
    assert first.airs_drift != second.airs_drift
    assert first.rng(1).random() != second.rng(1).random()
    assert first.at_visit(0) is first
    assert second.at_visit(1) is second
    with pytest.raises(ConfigError, match="visit must be from 0 to 1 for this planet; got 2"):
        first.at_visit(2)


def test_transits_of_2025_last_and_fall_as_they_should(systems: list[PlanetTruth]) -> None:
    """Durations of 1 to 9 hours, mid-times off by a fraction of an hour, a few cut by the visit."""
    hours = np.array([2 * planet.path.half_duration for planet in systems])
    mid = np.array([planet.path.mid_time for planet in systems])
    assert np.percentile(hours, [1, 50, 99]) == pytest.approx([1.5, 3.45, 6.5], rel=0.2)
    assert np.median(np.abs(mid - 3.75)) == pytest.approx(0.14, abs=0.03)
    cut = (mid - hours / 2 < 0) | (mid + hours / 2 > 7.5)
    assert 0.01 < cut.mean() < 0.12


def test_every_planet_of_2025_dims_its_star(systems: list[PlanetTruth]) -> None:
    for planet in systems[:60]:
        time = np.array([planet.path.mid_time])
        light = transmitted_light(
            planet.path, planet.depths[1:2], planet.limb_darkening[1:2], time, np.zeros(1)
        )
        assert light[0, 0] < 1 - 0.1 * planet.depths[1]


def test_impossible_requests_are_refused() -> None:
    with pytest.raises(ConfigError, match="at least one star; got n=2, stars=\\(\\)"):
        draw_planets(2, seed=0, stars=())
    with pytest.raises(UnknownNameError, match="H2O"):
        draw_planets(2, seed=0, molecules=["H20"])
