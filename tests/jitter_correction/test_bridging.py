"""A frame that failed costs itself, and bends no response to motion."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from ariel_kit.core.observation import Observation
from ariel_kit.jitter_correction.stage import correct_jitter
from ariel_kit.preprocessing.normalize import white_noise
from ariel_kit.simulation import draw_planets, simulate_observation

FRAMES = 12


@pytest.fixture(scope="module")
def observation() -> Observation:
    """Two hours at native cadence, of pointing that FGS1's flux follows."""
    seen = simulate_observation(draw_planets(1, seed=3)[0], seed=0, bin_seconds=4.8)
    n, rng = 1500, np.random.default_rng(4)
    moved = rng.normal(0, 0.05, (FRAMES * n, 2))
    noise = seen.fgs1_noise * FRAMES**0.5
    fgs1 = np.repeat(seen.fgs1[:n], FRAMES) * (1 + 0.1 * moved[:, 0])
    return replace(
        seen,
        airs=seen.airs[:n],
        airs_time=seen.airs_time[:n],
        row_moments=seen.row_moments[:n],
        fgs1=(fgs1 + noise * rng.standard_normal(len(fgs1))).astype(np.float32),
        fgs1_time=(np.arange(len(fgs1)) + 0.5) * 0.4 / 3600,
        fgs1_noise=noise,
        pointing=moved.astype(np.float32),
    )


@pytest.fixture(scope="module")
def steady(observation: Observation) -> Observation:
    return correct_jitter(observation)


def airs_frame(seen: dict[str, np.ndarray]) -> None:
    seen["airs"][700], seen["row_moments"][700] = 0.0, 1e6


def airs_number(seen: dict[str, np.ndarray]) -> None:
    seen["airs"][700, 50] = np.nan


def fgs1_frame(seen: dict[str, np.ndarray]) -> None:
    seen["fgs1"][8400], seen["pointing"][8400] = 0.0, (np.nan, 1e6)


def airs_column(seen: dict[str, np.ndarray]) -> None:
    seen["airs"][:, 50] = 0.0


@pytest.mark.parametrize("damage", [airs_frame, airs_number, fgs1_frame, airs_column])
def test_what_failed_is_left_to_the_binning_and_moves_nothing_else(
    damage: Callable[[dict[str, np.ndarray]], None], observation: Observation, steady: Observation
) -> None:
    names = ("airs", "row_moments", "fgs1", "pointing")
    arrays = {name: getattr(observation, name).copy() for name in names}
    damage(arrays)
    found = correct_jitter(replace(observation, **arrays))
    assert {facts["status"] for facts in found.provenance["jitter"].values()} == {"complete"}
    for name, noise in (("airs", observation.airs_noise), ("fgs1", observation.fgs1_noise)):
        failed = ~(arrays[name] > 0)
        moved = np.abs(getattr(found, name) - getattr(steady, name)) / noise
        assert moved[~failed].max() < 0.05
        np.testing.assert_array_equal(getattr(found, name)[failed], arrays[name][failed])


def test_noise_that_the_calibration_widened_stays_as_wide(
    observation: Observation, steady: Observation
) -> None:
    """Of saturated pixels, twice the noise; of a wavelength without data, infinite noise."""
    noise = observation.airs_noise.copy()
    noise[10] *= 2
    noise[20] = np.inf
    wider = replace(
        observation, airs_noise=noise, fgs1_noise=2 * float(white_noise(observation.fgs1))
    )
    found = correct_jitter(wider)
    assert found.airs_noise[10] == pytest.approx(2 * steady.airs_noise[10], rel=0.1)
    assert np.isinf(found.airs_noise[20])
    others = np.delete(np.arange(282), [10, 20])
    np.testing.assert_array_equal(found.airs_noise[others], steady.airs_noise[others])
    assert found.fgs1_noise > 1.5 * steady.fgs1_noise
    assert np.isfinite(found.provenance["jitter"]["AIRS-CH0"]["noise_ratio"])
