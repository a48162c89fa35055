"""Faults of a folder of 2025: a planet may have two visits, and its star stands in a catalogue."""

from __future__ import annotations

from shutil import rmtree

import polars as pl
import pytest

from ariel_kit.data.dataset import open_dataset
from ariel_kit.data.submission import validate_submission
from ariel_kit.simulation import simulate_dataset
from tests.support.faults import WHITE, linked, read_record, read_rows, replace_file, rewrite
from tests.support.tiny_data import N_PAIRS

pytestmark = pytest.mark.usefixtures("calibrations")


@pytest.fixture(scope="module")
def tiny_2025(tmp_path_factory):
    """Two test planets; the one with two visits is the one that is damaged."""
    folder = tmp_path_factory.mktemp("raw_2025")
    return simulate_dataset(folder, n_train=0, n_test=2, seed=1, n_pairs=N_PAIRS, edition=2025)


def planets(data):
    """The planet with one visit, and the one with two."""
    dataset = open_dataset(data)
    return sorted(dataset.planets("test"), key=lambda planet: dataset.visits("test", planet))


def remove(name):
    def damage(folder):
        path = folder / name
        rmtree(path) if path.is_dir() else path.unlink()

    return damage


def cut(name):
    return lambda folder: replace_file(folder / name, (folder / name).read_bytes()[:1000])


FAULTS = {
    "the second signal missing": (remove("FGS1_signal_1.parquet"), "FGS1_signal_1.parquet is miss"),
    "the second signal cut": (cut("AIRS-CH0_signal_1.parquet"), "AIRS-CH0_signal_1.parquet cannot"),
    "calibration of a visit missing": (remove("FGS1_calibration_1"), "is missing"),
    "a dark cut": (cut("AIRS-CH0_calibration_0/dark.parquet"), "dark.parquet cannot be read"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_damaged_visit_costs_its_planet_alone(name, tiny_2025, tmp_path, tell):
    damage, words = FAULTS[name]
    data, output = linked(tiny_2025, tmp_path / "data"), tmp_path / "out"
    good, bad = planets(tiny_2025)
    damage(data / "test" / str(bad))
    told = tell("run", "--data-dir", data, "--output-dir", output, *WHITE)
    record = read_record(output)
    assert told.code == 2
    assert {failure["planet_id"] for failure in record["failures"]} <= {good, bad}
    reasons = [f["reason"] for f in record["failures"] if f["planet_id"] == bad]
    assert any(words in reason for reason in reasons)
    assert all("\n" not in reason for reason in reasons)
    assert validate_submission(output / "submission.csv", data / "sample_submission.csv").ok
    assert read_rows(output).keys() == {good, bad}


TABLES = {
    "the catalogue missing": (lambda p: p.unlink(), "test_star_info.csv is missing"),
    "the catalogue empty": (lambda p: replace_file(p, b""), "test_star_info.csv cannot be read"),
    "a planet twice": (
        lambda p: rewrite(p, lambda t: pl.concat([t, t.head(1)])),
        "must hold one row per planet",
    ),
    "no ids": (
        lambda p: rewrite(p, lambda t: t.rename({"planet_id": "id"})),
        "lacks the column(s) planet_id",
    ),
}


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("verb", ["run", "calibrate", "learn"])
def test_a_catalogue_that_is_none_is_told_before_any_work(
    name, verb, tiny_2025, tmp_path, tell, calibrations
):
    data = linked(tiny_2025, tmp_path / "data")
    damage, words = TABLES[name]
    damage(data / "test_star_info.csv")
    told = tell(verb, "--data-dir", data, "--output-dir", tmp_path / "out", "--split", "test")
    assert (told.code, told.out) == (1, "")
    assert words in told.sentence
    assert calibrations == []
