"""Planets that cannot be calibrated are named with path, rule and remedy."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ariel_kit.core.config import CalibrationSettings, make_settings
from ariel_kit.core.errors import DataFileError, UnknownNameError
from ariel_kit.core.instruments import AIRS, FGS1, Instrument
from ariel_kit.data.dataset import Dataset, open_dataset
from ariel_kit.preprocessing import calibrate_planet
from ariel_kit.simulation import simulate_dataset


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("original")
    return simulate_dataset(folder, n_train=1, n_test=0, n_pairs=2, seed=3)


@pytest.fixture
def dataset(original: Path, tmp_path: Path) -> Dataset:
    return open_dataset(shutil.copytree(original, tmp_path / "copy"))


def edit(
    dataset: Dataset, instrument: Instrument, name: str, change: Callable[[np.ndarray], None]
) -> Path:
    """Change one calibration frame in place."""
    (planet,) = dataset.planets("train")
    path = dataset.calibration_path("train", planet, instrument) / f"{name}.parquet"
    table = pl.read_parquet(path)
    values = table.to_numpy().copy()
    change(values)
    pl.DataFrame(values, schema=table.columns).write_parquet(path)
    return path


def error_of(dataset: Dataset) -> str:
    (planet,) = dataset.planets("train")
    with pytest.raises(DataFileError) as caught:
        calibrate_planet(dataset, planet)
    return str(caught.value)


def test_a_few_frames_are_enough(dataset: Dataset) -> None:
    (planet,) = dataset.planets("train")
    found = calibrate_planet(dataset, planet)
    assert found.airs.shape == (2, 282)
    assert found.fgs1.shape == (24,)
    for values in (found.airs, found.fgs1, found.pointing, found.airs_noise, found.row_moments):
        assert np.isfinite(values).all()
    assert found.provenance["calibration"]["airs"]["gain"] > 0


def test_missing_signal(dataset: Dataset) -> None:
    (planet,) = dataset.planets("train")
    path = dataset.signal_path("train", planet, FGS1)
    path.unlink()
    assert f"planet {planet}: {path} is missing" in error_of(dataset)


def test_nan_calibration(dataset: Dataset) -> None:
    path = edit(dataset, AIRS, "dark", lambda dark: dark.__setitem__((3, 4), np.nan))
    assert f"{path} must hold finite numbers" in error_of(dataset)


def test_too_many_wavelengths_without_good_pixels(dataset: Dataset) -> None:
    path = edit(
        dataset, AIRS, "dead", lambda dead: dead.__setitem__((slice(None), slice(40, 69)), True)
    )
    message = error_of(dataset)
    assert str(path.parent) in message
    assert "29 wavelength(s), first wl_254" in message
    assert "at most 28 may be lost" in message
    assert "Check dead and dark" in message


def silence(dataset: Dataset, column: int) -> None:
    """Let a column of AIRS read zero in all frames, though no map says that it is dead."""
    (planet,) = dataset.planets("train")
    path = dataset.signal_path("train", planet, AIRS)
    names = [f"column_{row * AIRS.width + column}" for row in range(AIRS.height)]
    pl.read_parquet(path).with_columns(pl.col(names) * 0).write_parquet(path)


def bury(dataset: Dataset, column: int) -> None:
    """Let the map of dead pixels hold a column of AIRS."""
    edit(dataset, AIRS, "dead", lambda dead: dead.__setitem__((slice(None), column), True))


@pytest.mark.parametrize("damage", [bury, silence])
@pytest.mark.parametrize("extraction", ["optimal", "window"])
@pytest.mark.parametrize("infill", ["psf", "row", "median"])
def test_a_dead_column_costs_its_wavelength_and_no_other(
    dataset: Dataset, damage: Callable[[Dataset, int], None], extraction: str, infill: str
) -> None:
    """The columns beside it move by what the shared model of the image takes from it."""
    (planet,) = dataset.planets("train")
    settings = make_settings(
        CalibrationSettings, {"airs_extraction": extraction, "bad_pixels": infill}
    )
    before = calibrate_planet(dataset, planet, settings=settings)
    damage(dataset, 320 - 79)
    after = calibrate_planet(dataset, planet, settings=settings)
    others = np.arange(282) != 79
    assert np.isinf(after.airs_noise[79])
    assert after.bad_fraction[79] > 0.8
    assert np.isfinite(after.airs_noise[others]).all()
    np.testing.assert_allclose(after.airs[:, others], before.airs[:, others], rtol=5e-3)
    np.testing.assert_array_equal(after.fgs1, before.fgs1)
    assert np.isfinite(after.row_moments).all()


def test_frames_without_a_star(dataset: Dataset) -> None:
    (planet,) = dataset.planets("train")
    path = dataset.signal_path("train", planet, AIRS)
    table = pl.read_parquet(path)
    table.select(pl.all() * 0).cast(pl.UInt16).write_parquet(path)
    assert f"planet {planet}: {path} must hold a star" in error_of(dataset)


def test_unknown_planet_and_split(dataset: Dataset) -> None:
    with pytest.raises(DataFileError, match=r"planet 1 is not in .*train_adc_info\.csv: add its"):
        calibrate_planet(dataset, 1)
    with pytest.raises(UnknownNameError, match=r"Unknown split 'trian'.*Did you mean 'train'"):
        calibrate_planet(dataset, dataset.planets("train")[0], split="trian")


@pytest.mark.parametrize("instrument", [AIRS, FGS1], ids=["AIRS", "FGS1"])
def test_wild_values_of_bad_pixels_never_matter(dataset: Dataset, instrument: Instrument) -> None:
    (planet,) = dataset.planets("train")
    pixel = (16, 60 if instrument is AIRS else 15)
    edit(dataset, instrument, "dead", lambda dead: dead.__setitem__(pixel, True))
    expected = calibrate_planet(dataset, planet)
    rows = [32 * k + pixel[0] for k in range(6)]
    edit(dataset, instrument, "linear_corr", lambda c: c.__setitem__((rows, pixel[1]), 1e300))
    edit(dataset, instrument, "flat", lambda flat: flat.__setitem__(pixel, 0.0))
    found = calibrate_planet(dataset, planet)
    np.testing.assert_array_equal(found.airs, expected.airs)
    np.testing.assert_array_equal(found.fgs1, expected.fgs1)
    np.testing.assert_array_equal(found.pointing, expected.pointing)
