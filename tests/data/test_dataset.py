"""Both layouts are read; whatever is missing or damaged is named."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from ariel_kit.core.errors import DataFileError, UnknownNameError
from ariel_kit.core.instruments import AIRS, FGS1
from ariel_kit.data.dataset import (
    LABEL_COLUMNS,
    Labels,
    find_labels,
    open_dataset,
    read_labels,
)

ADC = {
    "FGS1_adc_offset": [-350.0, -360.0],
    "FGS1_adc_gain": [1.0, 0.8],
    "AIRS-CH0_adc_offset": [-800.0, -860.0],
    "AIRS-CH0_adc_gain": [1.5, 0.9],
}


@pytest.fixture
def folder(tmp_path):
    """A 2024 folder with two test planets and one set of calibration frames."""
    ids = {"planet_id": [12, 7]}
    pl.DataFrame({**ids, **ADC, "star": [0, 3]}).write_csv(tmp_path / "test_adc_info.csv")
    pl.DataFrame({"planet_id": [7, 12], "wl_1": 0.0}).write_csv(tmp_path / "sample_submission.csv")
    calibration = tmp_path / "test" / "12" / "FGS1_calibration"
    calibration.mkdir(parents=True)
    for name in ("dark", "flat", "read"):
        write_map(calibration / f"{name}.parquet", np.ones((32, 32)))
    write_map(calibration / "dead.parquet", np.zeros((32, 32), bool))
    terms = np.arange(6 * 32 * 32, dtype=float).reshape(192, 32)
    write_map(calibration / "linear_corr.parquet", terms)
    return tmp_path


def write_map(path, values):
    names = [f"column_{i}" for i in range(values.shape[1])]
    pl.DataFrame(values, schema=names).write_parquet(path)


def test_the_index_knows_planets_stars_and_converters(folder):
    dataset = open_dataset(folder)
    assert dataset.edition.year == 2024
    assert dataset.planets("test") == [12, 7]
    assert dataset.submission_planets("test") == [7, 12]
    assert dataset.star("test", 7) == 3
    assert dataset.adc("test", 7, AIRS) == (0.9, -860.0)
    assert dataset.adc("test", 12, FGS1) == (1.0, -350.0)
    assert dataset.visits("test", 7) == 1
    path = dataset.signal_path("test", 7, AIRS)
    assert path == folder / "test" / "7" / "AIRS-CH0_signal.parquet"


def test_calibration_frames_have_their_shapes_and_order(folder):
    frames = open_dataset(folder).read_calibration("test", 12, FGS1)
    assert frames.dead.dtype == bool
    assert frames.linear_corr.shape == (6, 32, 32)
    # Rows 32 k to 32 k + 31 of the file are the coefficients of degree k.
    assert frames.linear_corr[2, 5, 3] == (2 * 32 + 5) * 32 + 3


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("dark", None, r"12/FGS1_calibration/dark\.parquet cannot be read.*Download the file"),
        ("dead", "missing", r"dead\.parquet is missing: a planet needs it\. Download the file"),
        ("flat", np.ones((31, 32)), r"flat\.parquet must be 32 rows x 32 columns; got \(31, 32\)"),
        ("read", np.full((32, 32), np.nan), r"read\.parquet must hold finite numbers"),
        ("linear_corr", np.ones((32, 32)), r"linear_corr\.parquet must be 192 rows x 32"),
    ],
)
def test_bad_calibration_frames_are_named_with_their_path(folder, name, values, message):
    path = folder / "test" / "12" / "FGS1_calibration" / f"{name}.parquet"
    if values is None:
        path.write_bytes(path.read_bytes()[:50])
    elif isinstance(values, str):
        path.unlink()
    else:
        write_map(path, values)
    with pytest.raises(DataFileError, match=message):
        open_dataset(folder).read_calibration("test", 12, FGS1)


def test_unknown_planets_splits_and_folders_are_refused(folder, tmp_path):
    dataset = open_dataset(folder)
    with pytest.raises(UnknownNameError, match=r"Unknown split 'tset'\. Did you mean 'test'"):
        dataset.planets("tset")
    with pytest.raises(
        DataFileError, match=r"train_adc_info\.csv is missing: it lists the planets"
    ):
        dataset.planets("train")
    with pytest.raises(DataFileError, match=r"planet 99 is not in .*test_adc_info\.csv: add its"):
        dataset.star("test", 99)
    with pytest.raises(DataFileError, match=r"is not a challenge folder.*train_adc_info\.csv"):
        open_dataset(tmp_path / "test")


@pytest.mark.parametrize("gain", [0.0, -1.0, float("nan"), None, "much"])
def test_impossible_converters_are_refused(folder, gain):
    table = pl.read_csv(folder / "test_adc_info.csv")
    table.with_columns(FGS1_adc_gain=pl.lit(gain)).write_csv(folder / "test_adc_info.csv")
    with pytest.raises(DataFileError, match="the FGS1 converter needs a gain between 0"):
        open_dataset(folder).adc("test", 7, FGS1)


@pytest.mark.parametrize("name", ["sample_submission.csv", "test_adc_info.csv"])
@pytest.mark.parametrize("ids", [["a", "b"], [7, None], [7, 7], [7.5, 12.0], None])
def test_tables_whose_ids_are_no_ids_are_refused(folder, name, ids):
    table = pl.read_csv(folder / name).drop("planet_id")
    if ids is not None:
        table = table.insert_column(0, pl.Series("planet_id", ids))
    table.write_csv(folder / name)
    with pytest.raises(DataFileError, match=rf"{name} (must hold one row per planet|lacks)"):
        _ = open_dataset(folder).submission_planets("test"), open_dataset(folder).planets("test")


def test_ids_written_as_floats_are_ids(folder):
    for name in ("sample_submission.csv", "test_adc_info.csv"):
        table = pl.read_csv(folder / name)
        table.with_columns(pl.col("planet_id").cast(pl.Float64)).write_csv(folder / name)
    dataset = open_dataset(folder)
    assert (dataset.planets("test"), dataset.submission_planets("test")) == ([12, 7], [7, 12])
    assert dataset.signal_path("test", 7, AIRS).parent == folder / "test" / "7"
    assert dataset.star("test", 7) == 3


def test_labels_come_in_any_order_asked(tmp_path, rng):
    depths = rng.uniform(1e-3, 8e-3, (3, 283))
    table = pl.DataFrame(depths, schema=LABEL_COLUMNS)
    table = table.insert_column(0, pl.Series("planet_id", [5, 1, 9]))
    table.write_csv(tmp_path / "labels.csv")
    labels = read_labels(tmp_path / "labels.csv")
    np.testing.assert_array_equal(labels.of([9, 5]), depths[[2, 0]])
    with pytest.raises(UnknownNameError, match="labelled planet '2'"):
        labels.of([1, 2])
    table.drop("wl_3").write_csv(tmp_path / "labels.csv")
    with pytest.raises(DataFileError, match=r"lacks the column\(s\) wl_3"):
        read_labels(tmp_path / "labels.csv")
    table.with_columns(wl_3=float("nan")).write_csv(tmp_path / "labels.csv")
    with pytest.raises(DataFileError, match="must hold finite depths; 3 are not"):
        read_labels(tmp_path / "labels.csv")
    table.with_columns(wl_3=pl.Series(["0.001", "x", "0.002"])).write_csv(tmp_path / "labels.csv")
    with pytest.raises(DataFileError, match="must hold finite depths; 1 are not"):
        read_labels(tmp_path / "labels.csv")
    table.with_columns(wl_3=pl.Series([0.3, -0.1, 4.0])).write_csv(tmp_path / "labels.csv")
    with pytest.raises(DataFileError, match="between 0 and 1; 2 are not"):
        read_labels(tmp_path / "labels.csv")
    table.with_columns(planet_id=pl.Series([5, None, 9])).write_csv(tmp_path / "labels.csv")
    with pytest.raises(DataFileError, match=r"labels\.csv must hold one row per planet"):
        read_labels(tmp_path / "labels.csv")


def test_one_converter_for_all_needs_one_row(folder):
    shared = folder / "2025"
    shared.mkdir()
    pl.DataFrame({"planet_id": [7]}).write_csv(shared / "test_star_info.csv")
    table = pl.DataFrame(ADC)
    for rows, found in ((table, 2), (table.clear(), 0)):
        rows.write_csv(shared / "adc_info.csv")
        with pytest.raises(DataFileError, match=rf"adc_info\.csv must hold one row; got {found}"):
            open_dataset(shared).check("test")
    table.head(1).write_csv(shared / "adc_info.csv")
    open_dataset(shared).check("test")


def test_a_dataset_cannot_reach_labels(folder):
    dataset = open_dataset(folder)
    assert not any(isinstance(getattr(dataset, name), Labels) for name in ("root", "edition"))
    assert find_labels(dataset) is None
    (folder / "train.csv").touch()
    assert find_labels(dataset) is None  # that is how another edition calls them
    (folder / "train_labels.csv").touch()
    assert find_labels(dataset) == folder / "train_labels.csv"


@pytest.mark.real
def test_the_real_folders_are_recognised(shared_data):
    old, new = (open_dataset(shared_data / name) for name in ("adc2024", "adc2025"))
    assert (old.edition.year, new.edition.year) == (2024, 2025)
    for dataset in (old, new):
        for split in ("train", "test"):
            dataset.check(split)
    planets = old.planets("train")
    assert len(planets) == 473
    assert {old.star("train", planet) for planet in planets} == {0, 1}
    assert old.adc("test", 499191466, AIRS).offset < -500
    np.testing.assert_allclose(old.read_wavelengths()[[0, 1]], [0.705, 1.951761], atol=1e-6)

    assert new.adc("train", 342072318, FGS1) == (0.4369, -1000.0)
    assert new.star("train", 342072318) is None
    assert new.visits("train", 342072318) == 1
    assert new.signal_path("train", 342072318, FGS1).name == "FGS1_signal_0.parquet"
    assert new.read_calibration("train", 342072318, AIRS).flat.shape == (32, 356)
