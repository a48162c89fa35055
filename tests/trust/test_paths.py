"""A path is a path, whatever is in its name: never a pattern, and never a reason to stop."""

from __future__ import annotations

import os

import numpy as np
import polars as pl
import pytest

from ariel_kit.core.instruments import FGS1
from ariel_kit.data.dataset import open_dataset
from ariel_kit.data.tables import read_csv
from tests.support.faults import WHITE, linked, read_record, rewrite

pytestmark = pytest.mark.usefixtures("calibrations")

NAMES = [
    "data[1]",
    "data?",
    "{data1,data2}",
    "a b 'c' \"d\" $HOME",
    "données",
    "two\nlines",
    os.fsdecode(b"data\xff"),
]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_the_folder_that_was_named_is_read_and_no_other(name, tiny, tmp_path, tell):
    """Beside it lies another folder, whose planets a pattern would find instead."""
    (tmp_path / "a").mkdir()
    other = linked(tiny, tmp_path / "data1")
    rewrite(other / "test_adc_info.csv", lambda t: t.with_columns(FGS1_adc_gain=-1.0))
    data, output = linked(tiny, tmp_path / name), tmp_path / f"{name}_out"
    told = tell("run", "--data-dir", data, "--output-dir", output, *WHITE)
    assert (told.code, read_record(output)["failures"]) == (0, [])
    assert tell("validate", output / "submission.csv").code == 0


def test_frames_and_calibration_frames_of_a_folder_with_brackets_are_its_own(tiny, tmp_path):
    data, other = linked(tiny, tmp_path / "data[1]"), linked(tiny, tmp_path / "data1")
    planet = open_dataset(data).planets("test")[0]
    rewrite(other / f"test/{planet}/FGS1_calibration/dark.parquet", lambda t: t + 1.0)
    own, real = (open_dataset(root).read_calibration("test", planet, FGS1) for root in (data, tiny))
    np.testing.assert_array_equal(own.dark, real.dark)


def test_a_table_of_a_folder_with_brackets_is_its_own(tmp_path):
    for name, value in (("t[1].csv", 1), ("t1.csv", 2)):
        with (tmp_path / name).open("wb") as file:
            pl.DataFrame({"planet_id": [value]}).write_csv(file)
    assert read_csv(tmp_path / "t[1].csv")["planet_id"].to_list() == [1]
