"""Transit geometry against numerical integration over the face of the star."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad

from ariel_kit.core.errors import ShapeError
from ariel_kit.light_curve.transit import (
    TransitShape,
    occulted_fraction,
    overlap_area,
    transit_window,
)

QUADRATIC = (0.35, 0.2)
GEOMETRIES = {
    "contained": (0.4, 0.1),
    "concentric": (0.0, 0.1),
    "touching the limb from inside": (0.9, 0.1),
    "on the limb": (1.0, 0.08),
    "mostly outside": (1.05, 0.09),
    "grazing": (1.0995, 0.1),
    "just outside": (1.1, 0.1),
    "far away": (3.0, 0.1),
    "large planet": (0.8, 0.5),
}


def blocked(z: float, k: float, radius: float, limb: tuple[float, float] = (0, 0)) -> float:
    """Light behind the planet, strip by strip: each disc cuts a strip at its own half-chord."""

    def brightness(r2: np.ndarray) -> np.ndarray:
        mu = np.sqrt(np.maximum(1 - r2, 0))
        return 1 - limb[0] * (1 - mu) - limb[1] * (1 - mu) ** 2

    nodes, weights = np.polynomial.legendre.leggauss(60)

    def strip(angle: float) -> float:
        x = z + k * np.sin(angle)
        half = min(k * np.cos(angle), np.sqrt(max(radius**2 - x**2, 0.0)))
        # y = half * sin(phi) keeps the integrand smooth where the strip ends on the limb
        phi = nodes * np.pi / 2
        light = brightness(x**2 + (half * np.sin(phi)) ** 2)
        return half * np.pi / 2 * float(weights @ (light * np.cos(phi))) * k * np.cos(angle)

    # The narrower chord changes hands where the two circles cross.
    crossing = (z**2 + radius**2 - k**2) / (2 * z) if z > 0 else np.inf
    inner = np.clip((np.array([crossing, radius, -radius]) - z) / k, -1, 1)
    edges = np.unique(np.concatenate([[-np.pi / 2, np.pi / 2], np.arcsin(inner)]))
    return sum(quad(strip, a, b, epsabs=1e-13)[0] for a, b in pairwise(edges))


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_overlap_area_is_the_integral_over_strips(geometry: str) -> None:
    z, k = GEOMETRIES[geometry]
    area = overlap_area(np.array(z), np.array(k), np.array(1.0))
    assert area == pytest.approx(blocked(z, k, 1.0), abs=1e-9)


@pytest.mark.parametrize("z", [0.0, 0.03, 0.08, 0.11, 0.2])
def test_a_planet_wider_than_the_disc_covers_it(z: float) -> None:
    """The innermost discs of a limb-darkened star are smaller than the planet."""
    area = overlap_area(np.array(z), np.array(0.1), np.array(0.04))
    assert area == pytest.approx(blocked(z, 0.1, 0.04), abs=1e-9)


def test_overlap_area_does_not_care_which_disc_is_the_planet() -> None:
    z = np.linspace(0, 2, 101)
    first = overlap_area(z, np.array(0.3), np.array(0.8))
    assert np.allclose(first, overlap_area(z, np.array(0.8), np.array(0.3)), atol=1e-15)


@pytest.mark.parametrize("limb", [(0.0, 0.0), QUADRATIC, (0.6, 0.0), (0.0, 0.4)])
@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_occulted_fraction_is_the_light_behind_the_planet(
    geometry: str, limb: tuple[float, float]
) -> None:
    z, k = GEOMETRIES[geometry]
    total = np.pi * (1 - limb[0] / 3 - limb[1] / 6)
    expected = blocked(z, k, 1.0, limb) / (total * k**2)
    found = occulted_fraction(np.array(z), np.array(k**2), limb)
    assert found == pytest.approx(expected, abs=1e-9 if limb == (0, 0) else 3e-6)


def test_a_planet_of_no_size_still_has_a_window() -> None:
    fraction = occulted_fraction(np.array([0.0, 0.9, 1.1]), np.array(0.0))
    assert np.allclose(fraction, [1, 1, 0])


@pytest.mark.parametrize("limb", [(0.0, 0.0), QUADRATIC])
@pytest.mark.parametrize("span_seconds", [4.8, 144.0, 700.0])
def test_window_is_the_mean_over_the_exposure(
    span_seconds: float, limb: tuple[float, float]
) -> None:
    shape, depth = TransitShape(3.76, 1.31, 1.4), 0.004
    time = np.linspace(2.2, 5.3, 71)
    span = np.full(71, span_seconds / 3600)
    moments = time[:, None] + span[:, None] * ((np.arange(1000) + 0.5) / 1000 - 0.5)
    x = (moments - shape.mid_time) / shape.half_duration
    separation = np.sqrt(1 + (x**2 - 1) / shape.ingress_ratio)
    expected = occulted_fraction(separation, np.array(depth), limb).mean(axis=1)
    # 15 s steps on an ingress of 14 minutes: 5e-5 of the depth, 0.2 ppm of the star
    assert np.abs(transit_window(time, span, shape, depth, limb) - expected).max() < 1e-4


def test_a_bin_longer_than_the_whole_ingress_holds_its_share_of_the_transit() -> None:
    """A flat-bottomed transit blocks depth x (2 half-durations), however coarse the bins."""
    shape, depth = TransitShape(3.7, 1.3, 1.0), 0.0004
    time, span = (np.arange(5) + 0.5) * 1.5, np.full(5, 1.5)
    fine = (np.arange(7500) + 0.5) * 1e-3
    exact = transit_window(fine, np.full(7500, 1e-3), shape, depth).sum() * 1e-3
    coarse = transit_window(time, span, shape, depth)
    assert (coarse * span).sum() == pytest.approx(exact, abs=1e-4)
    assert exact == pytest.approx(2 * 1.3, rel=1e-3)
    assert 0 < coarse[1] < 1


def test_window_is_symmetric_about_mid_time() -> None:
    offsets = np.linspace(0, 2, 60)
    span = np.full(60, 0.04)
    shape = TransitShape(3.71, 1.2, 1.7)
    for limb in ((0.0, 0.0), QUADRATIC):
        before = transit_window(3.71 - offsets, span, shape, 0.006, limb)
        after = transit_window(3.71 + offsets, span, shape, 0.006, limb)
        assert np.allclose(before, after, atol=1e-12)
        assert before[0] >= 1
        assert before[-1] == 0


@pytest.mark.parametrize("b", [0.0, 0.3, 0.7])
def test_ingress_ratio_is_that_of_an_orbit_with_an_impact_parameter(b: float) -> None:
    """A straight path at distance b: ratio 1 / (1 - b^2), half-duration sqrt(1 - b^2) / speed."""
    speed, k = 0.62, 0.07
    time = np.linspace(2, 6, 801)
    along = speed * (time - 4)
    orbit = occulted_fraction(np.hypot(along, b), np.array(k**2))
    shape = TransitShape(4.0, np.sqrt(1 - b**2) / speed, 1 / (1 - b**2))
    assert np.allclose(transit_window(time, np.zeros(801), shape, k**2), orbit, atol=1e-9)
    # ... and what the name says: the ingress over that of a central crossing
    first, last = (np.sqrt((1 + s * k) ** 2 - b**2) / speed for s in (1, -1))
    ingress = (first - last) / (2 * k * shape.half_duration)
    assert ingress == pytest.approx(shape.ingress_ratio, rel=0.01)


def test_fields_of_a_shape_broadcast_to_planets() -> None:
    time, span = np.linspace(0, 7.5, 50), np.full(50, 0.15)
    mid, half, ratio = np.array([3.6, 3.8]), np.array([1.2, 1.4]), np.array([1.0, 1.5])
    depth = np.array([0.001, 0.01])
    together = transit_window(time, span, TransitShape(mid, half, ratio), depth)
    assert together.shape == (2, 50)
    for i in range(2):
        alone = transit_window(time, span, TransitShape(mid[i], half[i], ratio[i]), depth[i])
        assert np.array_equal(together[i], alone)


def test_span_must_pair_with_time() -> None:
    with pytest.raises(ShapeError, match=r"span must have 5 along 'time'"):
        transit_window(np.zeros(5), np.zeros(4), TransitShape(3.75, 1.3, 1.0), 0.01)
