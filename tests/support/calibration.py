"""What several tests of the calibration share."""

from __future__ import annotations

import hashlib

import numpy as np
import polars as pl

from ariel_kit.core.config import CalibrationSettings
from ariel_kit.core.instruments import AIRS, Instrument
from ariel_kit.data.dataset import Dataset
from ariel_kit.preprocessing import (
    calibrate_planet,
    correct_linearity,
    correlated_double_sample,
    divide_flat,
    extracted_columns,
    fill_levels,
    find_bad_pixels,
    find_donors,
    fit_foreground,
    infill,
    raw_frames,
    subtract_dark,
    subtract_foreground,
    to_electrons,
)
from tests.support import reference


def airs_settings(method: str) -> CalibrationSettings:
    """Settings of one of the results of `reference.airs`."""
    if method == "optimal":
        return CalibrationSettings(airs_extraction="optimal")
    return CalibrationSettings(airs_extraction="window", bad_pixels=method)


def digest(dataset: Dataset) -> str:
    planet = calibrate_planet(dataset, 7)
    arrays = planet.airs, planet.fgs1, planet.pointing, planet.row_moments
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()


def read_raw(dataset: Dataset, split: str, planet: int, instrument: Instrument) -> reference.Raw:
    """Read one detector of one visit the plain way."""
    table = pl.read_parquet(dataset.signal_path(split, planet, instrument)).to_numpy()
    maps = dataset.read_calibration(split, planet, instrument)
    adc = dataset.adc(split, planet, instrument)
    return reference.Raw(
        frames=table.reshape(-1, instrument.height, instrument.width),
        gain=adc.gain,
        offset=adc.offset,
        dark=maps.dark,
        dead=maps.dead,
        flat=maps.flat,
        linear_corr=maps.linear_corr,
        read=maps.read,
        read_times=instrument.read_times,
    )


def frames_step_by_step(dataset: Dataset, planet: int, instrument: Instrument) -> np.ndarray:
    """CDS frames of the extracted columns by the public steps; axes (time, y, x)."""
    calibration = dataset.read_calibration("train", planet, instrument)
    raw = raw_frames(dataset, planet, instrument, split="train")
    electrons = to_electrons(raw, dataset.adc("train", planet, instrument))
    electrons = correct_linearity(electrons, calibration.linear_corr)
    electrons = subtract_dark(electrons, calibration.dark, instrument.read_times)
    cds = correlated_double_sample(divide_flat(electrons, calibration.flat))
    return cds[..., extracted_columns(instrument)]


def airs_step_by_step(dataset: Dataset, planet: int, method: str) -> np.ndarray:
    """Light curves of AIRS by the public steps, bad pixels infilled by `method`; (time, x)."""
    cds = frames_step_by_step(dataset, planet, AIRS)
    calibration = dataset.read_calibration("train", planet, AIRS)
    bad = find_bad_pixels(calibration).any[:, extracted_columns(AIRS)]
    levels = fill_levels(cds.mean(axis=0), bad)
    foreground = fit_foreground(levels, bad, AIRS.signal_rows)
    donors = find_donors(method, levels, usable=~bad, targets=bad, reach=(0, 2))
    star = infill(subtract_foreground(cds, foreground), donors)
    return star[:, AIRS.signal_rows].sum(axis=1)
