"""The input of the network: independent of scale and transit, equal to a slow version."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.stats import mad_std

from ariel_kit.jitter_correction.pointing import (
    FRAMES,
    LIMIT,
    MOMENTS,
    N_CHANNELS,
    STEPS,
    high_pass,
    motion_channels,
    second_order,
)
from ariel_kit.simulation.pointing import FGS1_JITTER, draw_pointing

N = 600
NOISE = np.array([0.002, 0.002])


@pytest.fixture
def measured(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw white jitter as measured by FGS1 and AIRS: pointing, flux, row moments."""
    moved = draw_pointing(rng, N)
    pointing = moved.fgs1_odd[:, :2] + NOISE * rng.standard_normal((FRAMES * N, 2))
    flux = 2.5e5 + 500 * rng.standard_normal(FRAMES * N)
    rows = moved.airs_odd[:, [0, 2]] + 3e-4 * rng.standard_normal((N, 2))
    return pointing, flux, rows


def test_there_are_twelve_frames_of_fortyfive() -> None:
    assert (FRAMES, STEPS) == (12, 45)


def test_channels_are_of_order_one(measured: tuple[np.ndarray, ...]) -> None:
    motion = motion_channels(*measured, NOISE)
    assert motion.channels.shape == (N, N_CHANNELS)
    assert motion.channels.dtype == np.float32
    scatter = motion.channels[:, :-6].std(axis=0)
    assert scatter == pytest.approx(np.ones(N_CHANNELS - 6), abs=0.15)
    noise_y, noise_x, colour_y, colour_x, centroid, width = motion.channels[0, -6:]
    assert [noise_y, noise_x] == pytest.approx([0.02, 0.02], rel=0.05)
    assert [colour_y, colour_x] == pytest.approx([0, 0], abs=0.07)
    # 12 of 45 steps are seen: their mean correlates by sqrt(12 / 45) with that of all
    assert centroid == pytest.approx(np.sqrt(FRAMES / STEPS), abs=0.08)
    assert 0.2 < width < centroid


def test_channels_are_robust_z_scores_over_time(measured: tuple[np.ndarray, ...]) -> None:
    pointing, flux, rows = measured
    pointing[::50] += 3.0  # wild frames hardly move a median
    found = motion_channels(pointing, flux, rows, NOISE).channels.astype(np.float64)
    y = (pointing[:, 0] - np.median(pointing[:, 0])) / mad_std(pointing[:, 0])
    np.testing.assert_allclose(
        found[:, :FRAMES], np.clip(y, -LIMIT, LIMIT).reshape(N, FRAMES), atol=1e-5
    )
    light = flux.reshape(N, FRAMES) - flux.reshape(N, FRAMES).mean(axis=1, keepdims=True)
    np.testing.assert_allclose(found[:, 2 * FRAMES : 3 * FRAMES], light / mad_std(light), atol=1e-5)
    centroid = found[:, 3 * FRAMES + len(MOMENTS)]
    assert mad_std(centroid) == pytest.approx(1, abs=1e-6)


def test_frames_lie_in_the_order_of_time(measured: tuple[np.ndarray, ...]) -> None:
    pointing, flux, rows = measured
    motion = motion_channels(pointing, flux, rows, NOISE)
    sigma = motion.unit[:2] * np.sqrt(STEPS)
    for pair in (0, 7, N - 1):
        for axis in (0, 1):
            block = pointing[pair * FRAMES : (pair + 1) * FRAMES, axis]
            expected = (block - np.median(pointing[:, axis])) / sigma[axis]
            found = motion.channels[pair, axis * FRAMES : (axis + 1) * FRAMES]
            assert found == pytest.approx(expected, abs=1e-5)


def test_the_unknown_scale_of_the_pointing_cancels(measured: tuple[np.ndarray, ...]) -> None:
    pointing, flux, rows = measured
    scale = np.array([0.7, 1.3])
    here = motion_channels(pointing, flux, rows, NOISE)
    there = motion_channels(pointing * scale, flux, rows, NOISE * scale)
    assert there.channels == pytest.approx(here.channels, abs=1e-4)
    products = [0.7, 1.3, 0.7**2, 0.7 * 1.3, 1.3**2]
    assert there.unit == pytest.approx(here.unit * products)


def test_the_unit_is_the_scatter_of_white_motion(rng: np.random.Generator) -> None:
    shift = FGS1_JITTER * rng.standard_normal((20000, STEPS, 2))
    truth = second_order(shift).mean(axis=1).std(axis=0)
    frames = FGS1_JITTER * rng.standard_normal((20000 * FRAMES, 2))
    unit = motion_channels(frames, np.ones(20000 * FRAMES), np.ones((20000, 2)), NOISE).unit
    assert unit == pytest.approx(truth, rel=0.03)


def test_neither_transit_nor_level_reaches_the_network(measured: tuple[np.ndarray, ...]) -> None:
    pointing, flux, rows = measured
    dip = np.ones(len(flux))
    dip[200 * FRAMES : 400 * FRAMES] -= 0.01  # begins and ends with an exposure
    still = motion_channels(pointing, flux, rows, NOISE).channels
    dipped = motion_channels(pointing, 3 * flux * dip, rows, NOISE).channels
    assert np.abs(dipped - still).max() < 0.06  # only the noise of its own light shrinks by 1 %


def test_slow_row_moments_do_not_reach_the_network(measured: tuple[np.ndarray, ...]) -> None:
    pointing, flux, rows = (np.concatenate([part] * 8) for part in measured)
    slow = 2e-3 * np.linspace(-1, 1, len(rows))[:, None]
    still = motion_channels(pointing, flux, rows, NOISE).channels
    tilted = motion_channels(pointing, flux, rows + slow, NOISE).channels
    inside = slice(375, -375)
    assert np.abs(tilted - still)[inside].max() < 0.02


def test_batches_are_read_one_by_one(measured: tuple[np.ndarray, ...]) -> None:
    pairs = [(part[: len(part) // 2], part[len(part) // 2 :]) for part in measured]
    batch = motion_channels(*(np.stack(pair) for pair in pairs), np.stack([NOISE, NOISE]))
    for index in (0, 1):
        alone = motion_channels(*(pair[index] for pair in pairs), NOISE)
        assert np.array_equal(batch.channels[index], alone.channels)
        assert np.array_equal(batch.unit[index], alone.unit)


def test_a_motionless_star_gives_finite_channels() -> None:
    still = motion_channels(np.zeros((480, 2)), np.ones(480), np.zeros((40, 2)), NOISE)
    assert np.isfinite(still.channels).all()


def test_high_pass_is_the_series_minus_its_running_mean(rng: np.random.Generator) -> None:
    series = rng.standard_normal(50)
    twin = [series[i] - series[i - 3 : i + 4].mean() for i in range(3, 47)]
    assert high_pass(series, 7)[3:47] == pytest.approx(twin)
