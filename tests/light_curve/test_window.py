"""The window in the coordinates of the fit, against transits computed for each wavelength."""

from __future__ import annotations

import numpy as np
import pytest

from ariel_kit.core.instruments import N_AIRS
from ariel_kit.light_curve.transit import FULL_LIGHT, TransitShape, transit_window, window_moments
from ariel_kit.light_curve.window import (
    AIRS,
    FGS1,
    LAW,
    Orbit,
    blocked_light,
    colour,
    columns,
    coordinates,
    describe,
    linearise,
)

TIME = (np.arange(187) + 0.5) * 0.04
SPAN = np.full(187, 0.04)
WINDOW = np.array(
    [
        [3.8, 0.4, 0.1, 0.35, 0.2, 0.05, 0.1, 0.15, -0.05, -0.03],
        [3.6, 0.1, 0.9, 0.45, 0.1, 0.0, 0.2, 0.1, 0.1, 0.02],
        [3.9, -0.2, 1.15, 0.3, 0.2, 0.1, 0.1, 0.2, 0.0, 0.0],
    ]
)
ORBIT = Orbit(np.array([0.05, 0.08, 0.0]), np.full(3, 1.3))
DEPTH = np.array([0.012, 0.006, 0.03])


def test_blocked_light_is_that_of_every_wavelength_on_its_own() -> None:
    """Depths that differ by 5 %, u1 that slopes over wavelength: to 0.15 ppm of the star."""
    spread = 1 + 0.05 * np.sin(np.linspace(0, 9, N_AIRS))
    depths = DEPTH[:, None] * spread
    found = blocked_light(TIME, SPAN, WINDOW, depths, ORBIT, AIRS)
    for row in range(3):
        for i in (0, 40, 140, 281):
            law = LAW[0] + WINDOW[row, 6:9] @ LAW[1:] + WINDOW[row, 9] * colour()[i] * LAW[1]
            path, depth = ORBIT.path(WINDOW)[row], depths[row, i]
            moments, _ = window_moments(TIME, SPAN, path, ORBIT.rate[row], np.array(depth))
            exact = depth * (moments @ law) / (law @ FULL_LIGHT)
            assert np.abs(found[row, :, i] - exact).max() < 1.5e-7


@pytest.mark.parametrize("instrument", [FGS1, AIRS])
def test_slopes_are_differences_of_the_window(instrument: int) -> None:
    light = linearise(TIME, SPAN, WINDOW, DEPTH, ORBIT, instrument)
    for column, place in enumerate(columns(10, instrument)):
        step = np.zeros(10)
        step[place] = 1e-6
        ends = [
            linearise(TIME, SPAN, WINDOW + sign * step, DEPTH, ORBIT, instrument).window
            for sign in (1, -1)
        ]
        expected = (ends[0] - ends[1]) / 2e-6
        off = np.abs(light.slopes[..., column] - expected).max()
        assert off < 1e-3 * np.abs(expected).max()
    deeper, shallower = (
        DEPTH[:, None] * f * linearise(TIME, SPAN, WINDOW, DEPTH * f, ORBIT, instrument).window
        for f in (1.001, 0.999)
    )
    expected = (deeper - shallower) / (0.002 * DEPTH[:, None])
    assert np.abs(light.response - expected).max() < 2e-3 * np.abs(expected).max()


def test_the_half_duration_ends_at_the_contact() -> None:
    """``z = contact`` when the half-duration has passed, on straight and curved paths."""
    _mid_time, crossing, impact = ORBIT.path(WINDOW).T
    half = np.exp(WINDOW[:, 1])
    rate = np.maximum(ORBIT.rate, 1e-9)
    along = np.sin(rate * half) / (rate * crossing)
    assert np.allclose(np.sqrt(impact + along**2), ORBIT.contact, rtol=1e-6)


def test_words_of_the_field_come_back() -> None:
    shape = TransitShape(np.array([3.7]), np.array([1.31]), np.array([1.4]))
    window = coordinates(shape)
    orbit = Orbit(np.zeros(1), np.ones(1))
    (facts,) = describe(window, orbit)
    assert facts["mid_time"] == pytest.approx(3.7)
    assert facts["half_duration"] == pytest.approx(1.31)
    assert facts["ingress_ratio"] == pytest.approx(1.4)
    assert facts["impact"] == pytest.approx(np.sqrt(1 - 1 / 1.4))
    assert facts["limb_darkening"] == (0.0, 0.0, 0.0, 0.0)
    direct = transit_window(TIME, SPAN, TransitShape(3.7, 1.31, 1.4), 0.01)
    found = linearise(TIME, SPAN, window, np.array([0.01]), orbit, AIRS).window[0]
    assert np.allclose(found, direct, atol=1e-12)


def test_told_coefficients_are_the_law_that_was_fitted() -> None:
    facts = describe(WINDOW, ORBIT)
    for row in range(2):
        shape = TransitShape(
            *(facts[row][k] for k in ("mid_time", "half_duration", "ingress_ratio"))
        )
        law = facts[row]["limb_darkening"]
        direct = transit_window(TIME, SPAN, shape, DEPTH[row], law)
        straight = Orbit(np.zeros(3), ORBIT.contact)
        found = linearise(TIME, SPAN, WINDOW, DEPTH, ORBIT, AIRS).window[row]
        # the path is curved, the words describe its half-duration at the limb
        assert np.abs(found - direct).max() < 0.02
        assert straight.path(WINDOW)[row, 2] == pytest.approx(facts[row]["impact"] ** 2)


def test_a_planet_that_leaves_the_star_is_brought_back() -> None:
    lost = WINDOW.copy()
    lost[:, 2] = 3.0
    kept = ORBIT.clip(lost, DEPTH)
    assert (np.sqrt(kept[:, 2]) < 1 + np.sqrt(DEPTH)).all()
    assert linearise(TIME, SPAN, kept, DEPTH, ORBIT, AIRS).window.max(axis=1).min() > 0
