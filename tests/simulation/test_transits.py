"""The true transit against batman and against brute force."""

from __future__ import annotations

import numpy as np
import pytest

from ariel_kit.core.errors import ShapeError
from ariel_kit.simulation.limb_darkening import quadratic_law
from ariel_kit.simulation.transits import (
    CircularOrbit,
    StraightPath,
    transmitted_light,
)

LAWS = {
    "uniform": np.zeros(4),
    "quadratic": quadratic_law(0.4, 0.25),
    "hot": np.array([0.6, -0.2, 0.35, -0.17]),
    "cool": np.array([0.55, -0.5, 1.0, -0.45]),
}
TIME = np.linspace(0.0, 7.5, 1501)


def batman_light(orbit: CircularOrbit, depth: float, law: np.ndarray, name: str) -> np.ndarray:
    batman = pytest.importorskip("batman", reason="batman-package is a dev extra")
    params = batman.TransitParams()
    params.t0, params.per, params.rp = orbit.mid_time, orbit.period, np.sqrt(depth)
    params.a, params.inc, params.ecc, params.w = orbit.distance, orbit.inclination, 0.0, 90.0
    if name in ("uniform", "quadratic"):
        params.limb_dark, params.u = "quadratic", [law[1] + 2 * law[3], -law[3]]
        return batman.TransitModel(params, TIME).light_curve(params)
    params.limb_dark, params.u = "nonlinear", list(law)
    return batman.TransitModel(params, TIME, fac=5e-4).light_curve(params)


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize(
    ("depth", "distance", "inclination"),
    [(0.012, 10.5, 88.5), (0.003, 18.0, 87.5), (0.08, 5.0, 90.0), (0.02, 12.0, 85.5)],
)
def test_light_agrees_with_batman(
    name: str, depth: float, distance: float, inclination: float
) -> None:
    """Central, deep, shallow and grazing transits: within 0.1 ppm of the star's light.

    batman integrates the four-coefficient law in steps of its own: 0.1 ppm at a depth of 0.08.
    """
    orbit = CircularOrbit(3.7, 24 * 4.2, distance, inclination)
    law = LAWS[name]
    ours = transmitted_light(orbit, np.array([depth]), law[None], TIME, np.zeros(len(TIME)))[:, 0]
    assert ours == pytest.approx(
        batman_light(orbit, depth, law, name), abs=1e-7 * max(1, depth / 0.04)
    )
    assert ours.min() < 1 - 0.05 * depth


def test_light_agrees_with_summing_a_star_of_pixels() -> None:
    """Compare with brute force, for a law that batman integrates numerically."""
    law, k = LAWS["cool"], 0.1
    axis = (np.arange(1600) + 0.5) / 800 - 1
    x, y = np.meshgrid(axis, axis)
    mu = np.sqrt(np.maximum(1 - x**2 - y**2, 0))
    powers = [1 - mu ** (n / 2) for n in (1, 2, 3, 4)]
    star = np.where(x**2 + y**2 < 1, 1 - np.tensordot(law, powers, 1), 0)
    for z in (0.0, 0.05, 0.4, 0.88, 0.97, 1.05):
        path = StraightPath(3.75, 1.3, 1 / (1 - z**2) if z < 1 else 1.0)
        when = np.array([3.75]) if z < 1 else np.array([3.75 + 1.3 * z])
        ours = transmitted_light(path, np.array([k**2]), law[None], when, np.zeros(1))[0, 0]
        behind = star[(x - z) ** 2 + y**2 < k**2].sum() / star.sum()
        assert 1 - ours == pytest.approx(behind, abs=2e-5)


def test_a_straight_path_is_an_orbit_far_away() -> None:
    far = CircularOrbit(3.7, 24 * 400.0, 250.0, np.degrees(np.arccos(0.3 / 250)))
    path = StraightPath(3.7, far.half_duration, 1 / (1 - 0.3**2))
    assert path.separation(TIME) == pytest.approx(far.separation(TIME), rel=1e-4)


def test_bins_are_means_over_their_exposure() -> None:
    """A bin of 144 s against its mean at 2000 moments, ingress included."""
    orbit, law = CircularOrbit(3.7, 24 * 4.2, 10.5, 88.5), LAWS["cool"][None]
    start = 3.7 - orbit.half_duration
    for middle in (start - 0.1, start, start + 0.1, 2.9, 3.7):
        binned = transmitted_light(
            orbit, np.array([0.02]), law, np.array([middle]), np.array([0.04])
        )
        fine = middle + 0.04 * ((np.arange(2000) + 0.5) / 2000 - 0.5)
        mean = transmitted_light(orbit, np.array([0.02]), law, fine, np.zeros(2000)).mean()
        assert binned[0, 0] == pytest.approx(mean, abs=2e-7)


def test_wavelengths_have_their_own_depth_and_law() -> None:
    orbit, depths = CircularOrbit(3.7, 100.0, 10.0, 89.0), np.array([0.01, 0.02])
    laws, nothing = np.stack([LAWS["hot"], LAWS["cool"]]), np.zeros(len(TIME))
    both = transmitted_light(orbit, depths, laws, TIME, nothing)
    for i in (0, 1):
        alone = transmitted_light(orbit, depths[i : i + 1], laws[i : i + 1], TIME, nothing)
        assert np.array_equal(both[:, i], alone[:, 0])


def test_no_planet_and_no_touch_block_nothing() -> None:
    orbit, law, nothing = CircularOrbit(30.0, 100.0, 10.0, 89.0), np.zeros((1, 4)), np.zeros(1501)
    assert (transmitted_light(orbit, np.array([0.01]), law, TIME, nothing) == 1).all()
    near = orbit._replace(mid_time=3.7)
    assert (transmitted_light(near, np.zeros(1), law, TIME, nothing) == 1).all()


def test_a_law_for_each_wavelength_is_asked_for() -> None:
    with pytest.raises(ShapeError, match="law must have 2 along 'wavelength'"):
        transmitted_light(
            StraightPath(3.7, 1.3, 1.1), np.ones(2), np.zeros((1, 4)), TIME, np.zeros(1501)
        )
