"""Stars and orbits of the 2025 edition, against physical laws and published statistics."""

from __future__ import annotations

import numpy as np
import pytest

from ariel_kit.simulation.systems import (
    Catalogue,
    draw_catalogue,
    draw_depths,
    draw_orbit,
    kepler_distance,
)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return draw_catalogue(4000, np.random.default_rng(3))


def test_kepler_puts_the_earth_where_it_is() -> None:
    astronomical_unit = 1.495979e13 / 6.957e10
    assert kepler_distance(365.256, 1.0, 1.0) == pytest.approx(astronomical_unit, rel=1e-3)


def test_distances_agree_with_kepler_to_some_percent(catalogue: Catalogue) -> None:
    ratio = catalogue.sma / kepler_distance(catalogue.P, catalogue.Ms, catalogue.Rs)
    assert np.log(ratio).std() == pytest.approx(0.063, rel=0.1)
    assert np.percentile(ratio, [0.1, 99.9]) == pytest.approx([0.80, 1.22], abs=0.06)


def test_hot_stars_are_heavy_and_large(catalogue: Catalogue) -> None:
    for of_star in (catalogue.Ms, catalogue.Rs):
        assert np.corrcoef(catalogue.Ts, of_star)[0, 1] > 0.6


def test_orbits_lie_near_the_catalogue_and_always_touch_the_star(catalogue: Catalogue) -> None:
    rng = np.random.default_rng(4)
    orbits = [draw_orbit(rng, catalogue.of(i), 0.01) for i in range(2000)]
    distance = np.array([orbit.distance for orbit in orbits]) / catalogue.sma[:2000]
    assert np.log(distance).std() == pytest.approx(0.03, rel=0.1)
    assert max(orbit.impact for orbit in orbits) <= 1 + 0.5 * 0.1 + 1e-9
    assert sum(orbit.impact > 0.9 for orbit in orbits) > 3


def test_depths_are_those_of_the_labels() -> None:
    """Published statistics of the training labels: mean, scatter, median and ends."""
    depths = draw_depths(20000, np.random.default_rng(5))
    assert depths.mean() == pytest.approx(0.014689, rel=0.06)
    assert depths.std() == pytest.approx(0.010661, rel=0.15)
    assert np.median(depths) == pytest.approx(0.0116, rel=0.03)
    assert depths.min() >= 0.0037
    assert depths.max() <= 0.08
