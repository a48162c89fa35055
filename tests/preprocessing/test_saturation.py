"""Saturated pixels would dilute the depth; they are marked bad, counted and reported."""

from __future__ import annotations

import numpy as np
import pytest

from ariel_kit.core.instruments import AIRS, FGS1, INSTRUMENTS
from ariel_kit.data.calibration_maps import Calibration
from ariel_kit.data.converter import Adc
from ariel_kit.data.dataset import open_dataset
from ariel_kit.data.writer import write_adc_info, write_calibration, write_frames
from ariel_kit.preprocessing import calibrate_planet, kernels, survey

DEPTH, N_PAIRS = 0.004, 64
IN_TRANSIT = slice(20, 44)


def noiseless(instrument, brightness, rng):
    """Frames of a star with a transit, without any noise but the converter's."""
    light = np.ones(N_PAIRS)
    light[IN_TRANSIT] -= DEPTH
    y, x = np.mgrid[: instrument.height, : instrument.width]
    distance = (y - 15.6) ** 2 + (0 if instrument is AIRS else (x - 16.2) ** 2)
    star = brightness * np.exp(-0.5 * distance / 1.4**2)
    ends = light[:, None, None] * star + 25
    ramp = np.stack([np.full_like(ends, 300.0), 300 + ends], axis=1)
    adu = (ramp.reshape(2 * N_PAIRS, -1) + 900) * 0.7
    whole = np.round(adu + rng.uniform(-0.5, 0.5, adu.shape))
    return np.ascontiguousarray(np.minimum(whole, 65535).astype(np.uint16).T)


def maps_of(instrument):
    shape = instrument.height, instrument.width
    linear_corr = np.zeros((6, *shape))
    linear_corr[1] = 1.0
    return Calibration(
        dark=np.zeros(shape),
        dead=np.zeros(shape, bool),
        flat=np.ones(shape),
        linear_corr=linear_corr,
        read=np.full(shape, 13.0),
    )


def observe(root, *, airs=3e4, fgs1=3e4):
    """Calibrate a planet whose stars are so bright at the peak, in electrons."""
    rng = np.random.default_rng(9)
    for instrument, brightness in ((AIRS, airs), (FGS1, fgs1)):
        folder = root / "test" / "7"
        frames = noiseless(instrument, brightness, rng)
        write_frames(folder / f"{instrument.name}_signal.parquet", frames)
        write_calibration(folder / f"{instrument.name}_calibration", maps_of(instrument))
    converters = {name: [Adc(0.7, -900.0)] for name in INSTRUMENTS}
    write_adc_info(root / "test_adc_info.csv", [7], converters, [0])
    return calibrate_planet(open_dataset(root), 7, split="test")


def depth_of(flux):
    return 1 - flux[IN_TRANSIT].mean(dtype=float) / np.delete(flux, IN_TRANSIT).mean(dtype=float)


def test_a_saturated_core_does_not_dilute_the_depth(tmp_path, monkeypatch):
    observed = observe(tmp_path, fgs1=1.3e5)
    facts = observed.provenance["calibration"]["fgs1"]
    assert 4 <= facts["saturated"] <= 25
    assert observed.flags == ("FGS1 is saturated",)
    assert depth_of(observed.fgs1) == pytest.approx(DEPTH, rel=2e-3)
    monkeypatch.setattr(survey, "MOST_FULL", 2.0)  # as if nobody looked at the ceiling
    diluted = depth_of(observe(tmp_path, fgs1=1.3e5).fgs1)
    assert diluted < 0.97 * DEPTH


def test_noise_is_wider_where_much_light_is_lost(tmp_path, monkeypatch):
    wider = observe(tmp_path, fgs1=1.3e5)
    monkeypatch.setattr(survey, "SATURATED_NOISE", 1.0)
    plain = observe(tmp_path, fgs1=1.3e5)
    assert wider.fgs1_noise == pytest.approx(2 * plain.fgs1_noise)
    np.testing.assert_array_equal(wider.airs_noise, plain.airs_noise)


def test_saturated_columns_of_airs_are_flagged_too(tmp_path):
    observed = observe(tmp_path, airs=1.0e5)
    assert observed.flags == ("AIRS-CH0 is saturated",)
    assert depth_of(observed.airs.sum(axis=1)) == pytest.approx(DEPTH, rel=2e-3)


def test_what_is_not_saturated_keeps_every_bit(tmp_path, monkeypatch):
    observed = observe(tmp_path)
    monkeypatch.setattr(survey, "MOST_FULL", 2.0)
    before = observe(tmp_path)
    assert (observed.flags, observed.provenance["calibration"]["fgs1"]["saturated"]) == ((), 0)
    for name in ("airs", "fgs1", "airs_noise", "pointing", "row_moments"):
        assert getattr(observed, name).tobytes() == getattr(before, name).tobytes()


@pytest.mark.parametrize("count", [kernels.count_full, kernels.count_full.py_func])
def test_a_pair_is_full_if_one_of_its_reads_is(count):
    even, odd = np.array([[0, 65535, 0, 65535, 65534], [9, 6, 65535, 65535, 65534]], np.uint32)
    assert count(even | (odd << np.uint32(16))) == 3


@pytest.mark.parametrize("find", [kernels.brightest_read, kernels.brightest_read.py_func])
def test_the_brightest_read_is_found_in_either_half(find):
    words = np.array([[5 << 16 | 9, 7 << 16 | 8], [11 << 16 | 2, 3 << 16]], np.uint32)
    assert [int(find(pairs)) >> 16 for pairs in words] == [9, 11]


def test_sums_over_more_pairs_than_a_tile_are_those_of_a_plain_loop():
    """A visit has 5625 pairs and a tile 1024; outputs and tiles must not be confused."""
    rng = np.random.default_rng(1)
    n_pairs, n_pixels = 2 * kernels.TILE + 77, 3
    memory = rng.integers(0, 2**31, n_pairs * n_pixels, dtype=np.uint32)
    memory &= np.uint32(0x7FFF7FFF)
    offsets = np.arange(n_pixels) * n_pairs
    constants = np.zeros((n_pixels, 6), np.float32)
    constants[:, 0] = 1, 2, 3
    starts, pixels = np.array([0, 1, 3]), np.array([2, 0, 1])
    weights, sums = np.ones((3, 1), np.float32), np.zeros((2, 1, n_pairs), np.float32)
    kernels.weighted_sums(memory, offsets, constants, starts, pixels, weights, sums)
    words = memory.reshape(n_pixels, n_pairs).astype(np.int64)
    cds = ((words >> 16) - (words & 0xFFFF)) * np.array([1, 2, 3])[:, None]
    np.testing.assert_allclose(sums[0, 0], cds[2], atol=0.1)
    np.testing.assert_allclose(sums[1, 0], cds[0] + cds[1], atol=0.1)
    levels, full = np.empty(n_pixels), np.empty(n_pixels, np.int64)
    kernels.mean_levels(memory, offsets, n_pairs, constants, levels, full)
    np.testing.assert_allclose(levels, cds.mean(axis=1), rtol=1e-5, atol=1e-2)
    assert full.tolist() == [0, 0, 0]
