"""Whatever is wrong with one planet, it fails alone: the run goes on and says what and where."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from shutil import rmtree

import numpy as np
import polars as pl
import pytest

from ariel_kit import preprocessing
from ariel_kit.core.config import RunSettings, make_settings
from ariel_kit.data.dataset import open_dataset
from ariel_kit.data.submission import validate_submission
from ariel_kit.light_curve.checks import find_fault
from ariel_kit.pipeline import run_pipeline
from ariel_kit.run.folder import RunFolder
from ariel_kit.simulation import draw_planets, simulate_observation
from tests.support.faults import (
    WHITE,
    linked,
    read_record,
    read_rows,
    replace_file,
    rewrite,
    rewrite_frames,
)
from tests.support.tiny_data import stretched_calibration

pytestmark = [
    pytest.mark.usefixtures("calibrations"),
    pytest.mark.filterwarnings("default::RuntimeWarning"),
]

WHITE_SETTINGS = make_settings(
    RunSettings, {"extraction": {"extractor": "white"}, "stages": {"jitter": False}}
)
AIRS, FGS1 = "AIRS-CH0_signal.parquet", "FGS1_signal.parquet"


def file(name, change):
    return lambda folder: change(folder / name)


def frames(name, change):
    return file(name, lambda path: rewrite_frames(path, change))


def table(name, change):
    return file(name, lambda path: rewrite(path, change))


def calibration(name, value, instrument="FGS1"):
    """Put one value in all places of a calibration frame."""
    return table(
        f"{instrument}_calibration/{name}.parquet", lambda t: t.with_columns(pl.all() * 0 + value)
    )


def one_cell(name, value, instrument="FGS1"):
    def change(t):
        values = t.to_numpy().copy()
        values[len(values) // 2, values.shape[1] // 2] = value
        return pl.DataFrame(values, schema=t.columns)

    return table(f"{instrument}_calibration/{name}.parquet", change)


def times(name, factor, instrument="FGS1"):
    return table(
        f"{instrument}_calibration/{name}.parquet", lambda t: t.with_columns(pl.all() * factor)
    )


def fill(value):
    def change(f):
        f[:] = value

    return change


def swap_parity(f):
    f[:] = f.reshape(len(f), -1, 2)[:, :, ::-1].reshape(f.shape)


def halve(path):
    replace_file(path, path.read_bytes()[: path.stat().st_size // 2])


FAULTS = {
    "signal missing": (file(AIRS, lambda p: p.unlink()), "is missing"),
    "signal a folder": (file(AIRS, lambda p: (p.unlink(), p.mkdir())), "is missing"),
    "signal cut": (file(FGS1, halve), "cannot be read as parquet"),
    "signal empty": (file(FGS1, lambda p: replace_file(p, b"")), "cannot be read as parquet"),
    "signal a page of html": (
        file(AIRS, lambda p: replace_file(p, b"<html>403</html>" * 99)),
        "cannot be read as parquet",
    ),
    "signal of other columns": (table(AIRS, lambda t: t.select(t.columns[:-7])), "11392 columns"),
    "signal of floats": (table(FGS1, lambda t: t.cast(pl.Float32)), "must hold uint16"),
    "signal with nulls": (
        table(
            FGS1,
            lambda t: t.with_columns(pl.col(t.columns[500]).replace(t[t.columns[500]][0], None)),
        ),
        "no nulls",
    ),
    "signal of odd length": (table(FGS1, lambda t: t.head(len(t) - 1)), "pairs of frames"),
    "signal of no frame": (table(AIRS, lambda t: t.clear()), "pairs of frames"),
    "signal of the other instrument": (
        lambda f: replace_file(f / AIRS, (f / FGS1).read_bytes()),
        "must hold 11392 columns",
    ),
    "signal shorter than the axis": (table(AIRS, lambda t: t.head(700)), "that axis_info.parquet"),
    "signal longer than the axis": (
        table(FGS1, lambda t: pl.concat([t, t.head(24)])),
        "FGS1 must have the 4320 pairs of frames that axis_info.parquet tells of; got 4332",
    ),
    "columns reversed": (table(AIRS, lambda t: t.select(t.columns[::-1])), "in this order; column"),
    "columns of other names": (
        table(FGS1, lambda t: t.rename({"column_9": "column_09"})),
        "column 10 is 'column_09'",
    ),
    "columns of the flat swapped": (
        table("FGS1_calibration/flat.parquet", lambda t: t.select(t.columns[::-1])),
        "flat.parquet must have the columns column_0, column_1",
    ),
    "light of zeros": (frames(AIRS, fill(0)), "must hold a star"),
    "light of one value": (frames(FGS1, fill(7)), "must hold a star"),
    "reads swapped": (frames(AIRS, swap_parity), "must hold a star"),
    "all saturated": (frames(FGS1, fill(65535)), "must hold a star"),
    "dark missing": (file("FGS1_calibration/dark.parquet", lambda p: p.unlink()), "is missing"),
    "dark damaged": (file("AIRS-CH0_calibration/dark.parquet", halve), "cannot be read"),
    "dark 1e30": (calibration("dark", 1e30), "dark.parquet must have a median between"),
    "flat 1e30": (calibration("flat", 1e30), "flat.parquet must have a median between"),
    "flat zero": (calibration("flat", 0.0), "flat.parquet must have a median between"),
    "flat negative": (calibration("flat", -1.0, "AIRS-CH0"), "flat.parquet must have a median"),
    "flat NaN": (one_cell("flat", np.nan), "must hold finite numbers"),
    "read noise 1e30": (calibration("read", 1e30), "read.parquet must have a median between"),
    "read noise a thousand times": (times("read", 1e3), "read.parquet must have a median"),
    "all dead": (calibration("dead", True, "AIRS-CH0"), "must leave working pixels"),
    "linearity zero": (calibration("linear_corr", 0.0), "linear_corr.parquet must have a median"),
    "linearity of ones": (calibration("linear_corr", 1.0), "linear_corr.parquet must have a"),
}

TABLES = {
    "star a name": ("star", "HD209458", "must be a whole number; got 'HD209458'"),
    "star missing": ("star", None, "must be a whole number; got None"),
    "star half": ("star", 0.5, "must be a whole number; got 0.5"),
    "gain infinite": ("FGS1_adc_gain", np.inf, "the FGS1 converter needs a gain between"),
    "gain missing": ("FGS1_adc_gain", None, "the FGS1 converter needs a gain between"),
    "offset 1e300": ("AIRS-CH0_adc_offset", 1e300, "an offset within 1e+06 electrons"),
}


@pytest.fixture(scope="module")
def others(tiny, tmp_path_factory):
    """What the other planets get where the last one cannot be read."""
    folder = tmp_path_factory.mktemp("others")
    data = linked(tiny, folder / "data")
    rmtree(data / "test" / str(planets(tiny)[1]))
    preprocessing.calibrate_planet, before = stretched_calibration, preprocessing.calibrate_planet
    run_pipeline(data, folder / "out", settings=WHITE_SETTINGS)
    preprocessing.calibrate_planet = before
    return read_rows(folder / "out")


def planets(data):
    return open_dataset(data).planets("test")


def check_that_one_fails_alone(data, output, tell, words, others):
    good, bad = planets(data)
    told = tell("run", "--data-dir", data, "--output-dir", output, *WHITE)
    assert told.code == 2
    assert "Traceback" not in told.err
    (failure,) = read_record(output)["failures"]
    assert failure["planet_id"] == bad
    assert words in failure["reason"]
    assert "\n" not in failure["reason"]
    assert failure["reason"] in told.err
    assert validate_submission(output / "submission.csv", data / "sample_submission.csv").ok
    assert read_rows(output)[good] == others[good]


@pytest.mark.parametrize("name", FAULTS)
def test_a_damaged_planet_fails_alone(name, tiny, tmp_path, tell, others):
    damage, words = FAULTS[name]
    data = linked(tiny, tmp_path / "data")
    damage(data / "test" / str(planets(tiny)[1]))
    check_that_one_fails_alone(data, tmp_path / "out", tell, words, others)


@pytest.mark.parametrize("name", TABLES)
def test_a_planet_with_a_wrong_row_fails_alone(name, tiny, tmp_path, tell, others, monkeypatch):
    monkeypatch.setattr(preprocessing, "calibrate_planet", stretched_calibration)
    column, value, words = TABLES[name]
    data = linked(tiny, tmp_path / "data")
    rewrite(
        data / "test_adc_info.csv",
        lambda t: t.with_columns(pl.Series(column, [t[column][0], value], strict=False)),
    )
    check_that_one_fails_alone(data, tmp_path / "out", tell, words, others)


def test_one_pixel_with_a_wild_dark_is_one_bad_pixel(tiny, tmp_path, tell):
    data = linked(tiny, tmp_path / "data")
    one_cell("dark", -1e200)(data / "test" / str(planets(tiny)[1]))
    told = tell("run", "--data-dir", data, "--output-dir", tmp_path / "out", *WHITE)
    assert (told.code, read_record(tmp_path / "out")["failures"]) == (0, [])


def no_light(*pairs):
    def change(f):
        for pair in pairs:
            f[:, 2 * pair : 2 * pair + 2] = 0

    return change


def no_column(f):
    f.reshape(32, 356, -1)[:, 200] = 0


def dead_column(t):
    values = t.to_numpy().copy()
    values[:, 200] = True
    return pl.DataFrame(values, schema=t.columns)


LOSSES = {
    "one pair of frames of AIRS": (frames(AIRS, no_light(100)), "AIRS-CH0 failed in frame pair 10"),
    "one pair of frames of FGS1": (frames(FGS1, no_light(999)), "FGS1 failed in frame pair 999"),
    "a bin of AIRS": (frames(AIRS, no_light(*range(9, 19))), "AIRS-CH0 is left out at"),
    "a column without light": (frames(AIRS, no_column), "AIRS-CH0 is left out at wl_122"),
    "a column of dead pixels": (
        table("AIRS-CH0_calibration/dead.parquet", dead_column),
        "AIRS-CH0 is left out at wl_122",
    ),
}


@pytest.fixture(scope="module")
def unharmed(tiny, tmp_path_factory):
    """What the planets get where nothing is damaged."""
    output = tmp_path_factory.mktemp("unharmed")
    preprocessing.calibrate_planet, before = stretched_calibration, preprocessing.calibrate_planet
    run_pipeline(tiny, output, settings=WHITE_SETTINGS)
    preprocessing.calibrate_planet = before
    return RunFolder(output).read()


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_named_and_costs_no_planet(name, tiny, tmp_path, tell, unharmed):
    damage, words = LOSSES[name]
    data, output = linked(tiny, tmp_path / "data"), tmp_path / "out"
    damage(data / "test" / str(planets(tiny)[1]))
    told = tell("run", "--data-dir", data, "--output-dir", output, *WHITE)
    assert (told.code, read_record(output)["failures"]) == (0, [])
    run = RunFolder(output).read()
    for planet in planets(tiny):
        whole, found = unharmed.spectrum(planet), run.spectrum(planet)
        assert np.abs((found.mean - whole.mean) / whole.sigma).max() < 0.3
        assert found.sigma == pytest.approx(whole.sigma, rel=0.2)
    assert any(words in flag for flag in run.spectrum(planets(tiny)[1]).fit.flags)


BUGS = {
    "in the calibration": ("ariel_kit.preprocessing.calibrate.fit_foreground", "calibrate.py"),
    "in the fit": ("ariel_kit.spectral_extraction.batch.find_fault", "batch.py"),
}


@pytest.mark.parametrize("name", BUGS)
def test_an_error_that_nobody_foresaw_costs_its_planet_alone(
    name, tiny, tmp_path, tell, others, monkeypatch
):
    """The second planet is made to raise something that is not the kit's own."""
    where, place = BUGS[name]
    module, _, function = where.rpartition(".")
    real = getattr(import_module(module), function)
    brightness = []

    def broken(first, *more):
        light = float(np.sum(first[0].flux if isinstance(first, tuple) else first))
        brightness.append(light)
        if light != brightness[0]:
            raise IndexError("list index out of range")
        return real(first, *more)

    monkeypatch.setattr(where, broken)
    if name == "in the calibration":
        monkeypatch.setattr(preprocessing, "calibrate_planet", stretched_calibration)
    words = f"list index out of range ({place}, line"
    check_that_one_fails_alone(tiny, tmp_path / "out", tell, words, others)


def test_instruments_that_observe_for_unlike_times_are_not_fitted_together(tmp_path):
    observation = simulate_observation(draw_planets(1, seed=3)[0], seed=0)
    half = len(observation.fgs1) * 2 // 3
    shorter = replace(
        observation,
        fgs1=observation.fgs1[:half],
        fgs1_time=observation.fgs1_time[:half],
        pointing=observation.pointing[:half],
    )
    assert find_fault(observation.visit().curves) is None
    fault = find_fault(shorter.visit().curves)
    assert fault == "AIRS and FGS1 must observe equally long; got 7.48 h and 4.96 h"
