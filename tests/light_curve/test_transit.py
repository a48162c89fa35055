"""Transit geometry against numerical integration over the face of the star."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from batman import TransitModel, TransitParams
from scipy.integrate import quad

from ariel_kit.core.errors import ShapeError
from ariel_kit.light_curve.transit import (
    FULL_LIGHT,
    TransitShape,
    intensity,
    transit_window,
    window_moments,
)

QUADRATIC = (0.35, 0.2)
CLARET = (0.5, -0.2, 0.4, -0.15)
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
    """Integrate the flux behind the planet over strips, cut by the chords of both discs."""

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


def occulted_fraction(
    separation: np.ndarray | float, depth: float, limb: tuple[float, ...] = (0.0, 0.0)
) -> np.ndarray:
    """Compute the window at known separations, on a central path of one stellar radius an hour."""
    z = np.ravel(separation)
    found = transit_window(z, np.zeros(len(z)), TransitShape(0.0, 1.0, 1.0), depth, limb)
    return found.reshape(np.shape(separation))


@pytest.mark.parametrize("limb", [(0.0, 0.0), QUADRATIC, (0.6, 0.0), (0.0, 0.4)])
@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_occulted_fraction_is_the_light_behind_the_planet(
    geometry: str, limb: tuple[float, float]
) -> None:
    z, k = GEOMETRIES[geometry]
    total = np.pi * (1 - limb[0] / 3 - limb[1] / 6)
    expected = blocked(z, k, 1.0, limb) / (total * k**2)
    assert occulted_fraction(z, k**2, limb) == pytest.approx(expected, abs=3e-6)


@pytest.mark.parametrize("k", [0.02, 0.055, 0.1, 0.17, 0.22, 0.28])
@pytest.mark.parametrize("limb", [QUADRATIC, (0.6, 0.1), CLARET], ids=str)
def test_transits_are_those_of_batman(k: float, limb: tuple[float, ...]) -> None:
    """To 0.1 ppm of the star's light, from the centre to the last contact."""
    law = "quadratic" if len(limb) == 2 else "nonlinear"
    orbit = TransitParams()
    orbit.t0, orbit.per, orbit.rp, orbit.a, orbit.inc = 0.0, 1.0, k, 1e3, 90.0
    orbit.ecc, orbit.w, orbit.limb_dark, orbit.u = 0.0, 90.0, law, list(limb)
    # the orbit of a thousand radii is straight; near the contacts points stand close together
    near = np.geomspace(1e-6, 0.03, 40)
    z = np.unique(np.concatenate([np.linspace(1e-6, 1 + k, 500), 1 - k + near, 1 - k - near]))
    z = z[np.abs(z - k) > 1e-9]
    model = TransitModel(orbit, np.arcsin(z / 1e3) / (2 * np.pi), fac=1e-4)
    exact = 1 - model.light_curve(orbit)
    assert np.abs(k**2 * occulted_fraction(z, k**2, limb) - exact).max() < 1e-7


@pytest.mark.parametrize("b", [0.0, 0.5, 0.95, 1.1])
def test_a_curved_path_is_that_of_batman(b: float) -> None:
    """An orbit of 4.5 stellar radii, where a straight path is not the same."""
    a, period, k = 4.5, 3.0, 0.15
    orbit = TransitParams()
    orbit.t0, orbit.per, orbit.rp, orbit.a = 0.0, period, k, a
    orbit.inc, orbit.ecc, orbit.w = float(np.degrees(np.arccos(b / a))), 0.0, 90.0
    orbit.limb_dark, orbit.u = "quadratic", list(QUADRATIC)
    time, rate = np.linspace(-4, 4, 1001), 2 * np.pi / (24 * period)
    exact = 1 - TransitModel(orbit, time / 24).light_curve(orbit)
    path = np.array([0.0, 1 / (rate * np.sqrt(a**2 - b**2)), b**2])
    law, at_rest = intensity(QUADRATIC), np.zeros(len(time))
    moments, _ = window_moments(time, at_rest, path, np.array(rate), np.array(k**2))
    assert np.abs(k**2 * (moments @ law) / (law @ FULL_LIGHT) - exact).max() < 1e-7
    straight, _ = window_moments(time, at_rest, path, np.array(0.0), np.array(k**2))
    assert np.abs(moments - straight).max() * k**2 > 1e-6


@pytest.mark.parametrize("rate", [0.0, 0.08])
@pytest.mark.parametrize("impact", [0.0, 0.4, 0.9, 1.1])
def test_slopes_are_differences_of_the_moments(impact: float, rate: float) -> None:
    time, span = np.linspace(1, 6.5, 90), np.full(90, 0.04)
    point = np.array([3.7, 1.4, impact, 0.15])

    def moments(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return window_moments(time, span, values[:3], np.array(rate), values[3] ** 2)

    _, slopes = moments(point)
    for i in range(4):
        step = 1e-6 * np.eye(4)[i]
        difference = (moments(point + step)[0] - moments(point - step)[0]) / 2e-6
        away = np.abs(time - 3.7) > 0.1 if i == 2 else np.ones(90, bool)
        assert np.abs(slopes[..., i] - difference)[away].max() < 2e-4 * np.abs(difference).max()


def test_a_law_is_two_or_four_coefficients() -> None:
    mu = np.linspace(0, 1, 11)
    powers = mu[:, None] ** (np.arange(5) / 2)
    u1, u2 = QUADRATIC
    quadratic = 1 - u1 * (1 - mu) - u2 * (1 - mu) ** 2
    claret = 1 - sum(c * (1 - mu ** ((n + 1) / 2)) for n, c in enumerate(CLARET))
    assert np.allclose(powers @ intensity(QUADRATIC), quadratic, atol=1e-15)
    assert np.allclose(powers @ intensity(CLARET), claret, atol=1e-15)
    with pytest.raises(ShapeError, match=r"2 coefficients .quadratic law. or 4"):
        intensity((0.1, 0.2, 0.3))


def test_a_planet_of_no_size_still_has_a_window() -> None:
    fraction = occulted_fraction(np.array([0.0, 0.9, 1.1]), 0.0)
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
    expected = occulted_fraction(separation, depth, limb).mean(axis=1)
    # 15 s steps on an ingress of 14 minutes: 5e-5 of the depth, 0.2 ppm of the star
    assert np.abs(transit_window(time, span, shape, depth, limb) - expected).max() < 1.2e-4


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
        assert before[0] > 1 - 1e-12
        assert before[-1] == 0


@pytest.mark.parametrize("b", [0.0, 0.3, 0.7])
def test_ingress_ratio_is_that_of_an_orbit_with_an_impact_parameter(b: float) -> None:
    """A straight path at distance b: ratio 1 / (1 - b^2), half-duration sqrt(1 - b^2) / speed."""
    speed, k = 0.62, 0.07
    time = np.linspace(2, 6, 801)
    along = speed * (time - 4)
    orbit = occulted_fraction(np.hypot(along, b), k**2)
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
