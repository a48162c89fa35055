"""Samples that no noise explains, and bins without data."""

from __future__ import annotations

import numpy as np
import pytest

from ariel_kit.core.strays import bridge_failures, clip_strays, failed_frames, fill_gaps

CADENCE = 4.8 / 3600


def steps(n: int = 600, wavelengths: int = 3) -> np.ndarray:
    rng = np.random.default_rng(5)
    return 1e4 + 100 * rng.standard_normal((n, wavelengths))


NOISE = np.full(3, 100.0)


def test_a_particle_is_replaced_and_counted() -> None:
    flux = steps()
    hit = flux.copy()
    hit[[17, 300, 599], [0, 2, 1]] += [900, 5000, -2000]
    clipped, count = clip_strays(hit, NOISE, CADENCE)
    assert count == 3
    assert np.abs(clipped[[17, 300, 599], [0, 2, 1]] - 1e4).max() < 100
    untouched = np.ones(flux.shape, bool)
    untouched[[17, 300, 599], [0, 2, 1]] = False
    assert np.array_equal(clipped[untouched], flux[untouched])
    assert hit[17, 0] != clipped[17, 0], "the input is left as it was"


@pytest.mark.parametrize("n", [5, 29, 30, 31, 61, 600])
@pytest.mark.parametrize("limit", [7.9, 8.1])
def test_strays_are_those_of_the_plain_rule(n: int, limit: float) -> None:
    """A loop over samples: each is compared with the median of its stretch of 30."""
    flux, rng = steps(n), np.random.default_rng(n)
    for sigmas in (limit, -limit, 2 * limit, np.nan):
        where = rng.integers(n), rng.integers(3)
        flux[where] = np.median(flux[max(0, where[0] - 15) : where[0] + 15]) + 100 * sigmas
    expected = flux.copy()
    for t, w in np.ndindex(flux.shape):
        first = min(t // 30 * 30, max(0, n - 30))
        middle = np.sort(flux[first : t // 30 * 30 + 30, w])
        finite = middle[np.isfinite(middle)]
        usual = finite[(len(finite) - 1) // 2]
        if np.isfinite(flux[max(0, first) : t // 30 * 30 + 30]).all():
            usual = np.median(finite)
        if not abs(flux[t, w] - usual) <= 800:
            expected[t, w] = usual
    clipped, count = clip_strays(flux, NOISE, CADENCE)
    np.testing.assert_array_equal(clipped, expected)
    assert count == np.sum(flux != expected)


def test_a_deep_and_sharp_ingress_loses_nothing() -> None:
    """A depth of 8 % in ten minutes, at the noise of the brightest wavelengths."""
    ramp = 1 - 0.08 * np.clip((np.arange(600) - 250) / 125, 0, 1)
    flux = 1.6e5 * ramp[:, None] * (1 + 0.0025 * (steps() - 1e4) / 100)
    clipped, count = clip_strays(flux, np.full(3, 400.0), CADENCE)
    assert count == 0
    assert clipped is flux


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0])
def test_a_failed_frame_costs_itself(value: float) -> None:
    flux = steps()
    flux[40] = value
    clipped, count = clip_strays(flux, NOISE, CADENCE)
    assert count == 3
    assert np.abs(clipped[40] - 1e4).max() < 150


def test_a_dead_stretch_becomes_a_bin_without_weight() -> None:
    flux, noise = steps(20), np.full((20, 3), 5.0)
    broken = flux.copy()
    broken[7] = np.nan
    broken[3, 1] = -4.0
    filled, sigma = fill_gaps(broken, noise)
    assert np.isinf(sigma[7]).all()
    assert np.isfinite(np.delete(sigma, 7, axis=0)).all()
    assert filled[7] == pytest.approx((flux[6] + flux[8]) / 2)
    assert filled[3, 1] == pytest.approx((flux[2, 1] + flux[4, 1]) / 2)


@pytest.mark.parametrize("missing", [20, 3])
def test_a_wavelength_that_lacks_a_tenth_of_its_bins_holds_no_data(missing: int) -> None:
    """It has the light of the nearest that does, so that a logarithm of it is a number."""
    flux, noise = steps(20), np.full((20, 3), 5.0)
    broken = flux.copy()
    broken[:missing, 1] = 0.0
    filled, sigma = fill_gaps(broken, noise)
    assert np.isinf(sigma[:, 1]).all()
    assert np.array_equal(filled[:, 1], flux[:, 0])
    assert np.array_equal(sigma[:, [0, 2]], noise[:, [0, 2]])
    assert np.array_equal(filled[:, [0, 2]], flux[:, [0, 2]])


def test_a_wavelength_that_lacks_fewer_is_bridged() -> None:
    flux, noise = steps(20), np.full((20, 3), 5.0)
    broken = flux.copy()
    broken[4:6, 1] = np.nan
    filled, sigma = fill_gaps(broken, noise)
    assert np.array_equal(sigma, noise)
    assert filled[4:6, 1] == pytest.approx(np.interp([4, 5], [3, 6], flux[[3, 6], 1]))


def test_frames_fail_where_they_hold_no_light_or_no_number() -> None:
    flux = steps(50, 5)
    flux[3], flux[7, 1], flux[9, 2], flux[11, 0] = 0.0, np.nan, np.inf, 0.0
    flux[13] *= 1 - 0.2  # as deep as a transit can be
    assert np.flatnonzero(failed_frames(flux)).tolist() == [3, 7, 9]
    flux[:, 1] = np.nan  # a wavelength without any number is no failure of the frames
    assert np.flatnonzero(failed_frames(flux)).tolist() == [3, 9]


def test_bridging_changes_failed_samples_and_nothing_else() -> None:
    flux = steps(50).astype(np.float32)
    broken = flux.copy()
    broken[3], broken[7, 1], broken[11, 0] = 0.0, np.nan, 0.0
    bridged = bridge_failures(broken)
    same = np.isfinite(broken) & (broken > 0)
    assert np.array_equal(bridged[same], flux[same])
    assert np.abs(bridged - 1e4).max() < 500
    assert bridge_failures(flux) is flux
