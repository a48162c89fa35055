"""The frozen facts, against the challenge's own files where they are at hand."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from ariel_kit.core.instruments import (
    AIRS,
    FGS1,
    N_AIRS,
    N_WAVELENGTHS,
    OBSERVATION_HOURS,
    column_wavelengths,
    wavelengths,
)


def test_both_instruments_watch_for_the_same_seven_and_a_half_hours():
    for hours in (OBSERVATION_HOURS, FGS1.n_pairs * FGS1.cadence / 3600):
        assert hours == pytest.approx(7.5)
    assert FGS1.n_pairs == 12 * AIRS.n_pairs
    for instrument in (AIRS, FGS1):
        times = instrument.pair_times()
        assert times.shape == (instrument.n_pairs,)
        assert times[0] > 0
        assert times[-1] < 7.5


def test_exposures_are_the_difference_of_the_reads():
    assert AIRS.exposure == pytest.approx(4.5)
    assert FGS1.exposure == pytest.approx(0.1)
    assert (AIRS.n_pixels, FGS1.n_pixels) == (11392, 1024)


def test_the_spectrum_ascends_although_the_detector_descends():
    columns, spectrum = column_wavelengths(), wavelengths()
    assert (np.diff(columns) < 0).all()
    assert (np.diff(spectrum) > 0).all()
    assert len(spectrum) == N_WAVELENGTHS == 1 + N_AIRS == 283
    np.testing.assert_array_equal(spectrum[1:], columns[39:321][::-1])


@pytest.mark.real
def test_wavelengths_are_those_of_the_real_files(shared_data):
    real = pl.read_csv(shared_data / "adc2024" / "wavelengths.csv").row(0)
    np.testing.assert_allclose(wavelengths(), real, atol=2e-6)
    axes = pl.read_parquet(shared_data / "adc2024" / "axis_info.parquet")
    micron = axes["AIRS-CH0-axis2-um"].drop_nulls().to_numpy()
    np.testing.assert_allclose(column_wavelengths(), micron[np.isfinite(micron)], atol=2e-6)


@pytest.mark.real
def test_pair_times_follow_the_real_time_axis(shared_data):
    axes = pl.read_parquet(shared_data / "adc2024" / "axis_info.parquet")
    for instrument in (AIRS, FGS1):
        hours = axes[f"{instrument.name}-axis0-h"].drop_nulls().to_numpy()
        hours = hours[np.isfinite(hours)]
        assert len(hours) == instrument.n_frames
        frames = (hours[1::2] + hours[0::2]) / 2
        # The file counts reads, the kit mid-exposures: they may differ by less than one pair.
        offset = (frames - instrument.pair_times()) * 3600
        assert np.ptp(offset) < 0.02 * instrument.cadence
        assert abs(offset.mean()) < instrument.cadence
