"""Simulated data sets on disk: their layout, and the files of the truth."""

from __future__ import annotations

from dataclasses import astuple
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ariel_kit.core.errors import ConfigError, DataFileError, ShapeError
from ariel_kit.core.instruments import AIRS, FGS1, INSTRUMENTS, column_wavelengths, wavelengths
from ariel_kit.core.observation import Observation
from ariel_kit.data.dataset import (
    LABEL_COLUMNS,
    SIGMA_COLUMNS,
    find_labels,
    open_dataset,
    read_labels,
)
from ariel_kit.data.writer import write_frames
from ariel_kit.simulation import (
    draw_planets,
    generate,
    simulate_dataset,
    simulate_observations,
    simulate_planet,
    write_tables,
)
from ariel_kit.simulation.optics import get_star, star_image
from ariel_kit.simulation.scene import PlanetTruth, relative_light

PAIRS = 20


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("simulated")
    return simulate_dataset(folder, n_train=2, n_test=1, seed=8, n_pairs=PAIRS)


@pytest.fixture(scope="module")
def root_2025(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("simulated_2025")
    return simulate_dataset(folder, n_train=1, n_test=0, seed=8, edition=2025, n_pairs=PAIRS)


def read_cds(root: Path, split: str, instrument_name: str) -> tuple[int, np.ndarray]:
    """Mean calibrated CDS image of the split's first planet, straight from the formulae."""
    instrument = INSTRUMENTS[instrument_name]
    dataset = open_dataset(root)
    planet = dataset.planets(split)[0]
    adc = dataset.adc(split, planet, instrument)
    calibration = dataset.read_calibration(split, planet, instrument)
    frames = pl.read_parquet(dataset.signal_path(split, planet, instrument)).to_numpy()
    frames = frames.reshape(len(frames), instrument.height, instrument.width)
    electrons = frames / adc.gain + adc.offset
    true = np.zeros_like(electrons)
    for coefficient in calibration.linear_corr[::-1]:
        true = true * electrons + coefficient
    cds = (true[1::2] - true[0::2]).mean(axis=0) - calibration.dark * instrument.exposure
    return planet, np.where(calibration.dead, np.nan, cds / calibration.flat)


def test_folder_holds_the_files_of_the_challenge(root: Path) -> None:
    files = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    expected = {
        "train_labels.csv",
        "test_labels.csv",
        "molecules.csv",
        "train_adc_info.csv",
        "test_adc_info.csv",
        "wavelengths.csv",
        "axis_info.parquet",
        "sample_submission.csv",
    }
    maps = ("dark", "dead", "flat", "linear_corr", "read")
    for split in ("train", "test"):
        for planet in open_dataset(root).planets(split):
            for name in ("AIRS-CH0", "FGS1"):
                expected.add(f"{split}/{planet}/{name}_signal.parquet")
                expected |= {f"{split}/{planet}/{name}_calibration/{m}.parquet" for m in maps}
    assert files == expected


def test_parquet_columns_and_types_are_those_of_the_challenge(root: Path) -> None:
    dataset = open_dataset(root)
    planet = dataset.planets("train")[0]
    for instrument, n_frames in ((AIRS, 2 * PAIRS), (FGS1, 24 * PAIRS)):
        frames = pl.read_parquet(dataset.signal_path("train", planet, instrument))
        assert frames.shape == (n_frames, instrument.n_pixels)
        assert frames.columns == [f"column_{i}" for i in range(instrument.n_pixels)]
        assert set(frames.dtypes) == {pl.UInt16}
        folder = dataset.calibration_path("train", planet, instrument)
        for name in ("dark", "dead", "flat", "linear_corr", "read"):
            table = pl.read_parquet(folder / f"{name}.parquet")
            rows = 192 if name == "linear_corr" else 32
            assert table.shape == (rows, instrument.width)
            assert table.columns == [f"column_{i}" for i in range(instrument.width)]
            assert set(table.dtypes) == {pl.Boolean if name == "dead" else pl.Float64}


def test_tables_have_the_columns_of_the_challenge(root: Path) -> None:
    adc = pl.read_csv(root / "train_adc_info.csv")
    names = ["FGS1_adc_offset", "FGS1_adc_gain", "AIRS-CH0_adc_offset", "AIRS-CH0_adc_gain"]
    assert adc.columns == ["planet_id", *names, "star"]
    sample = pl.read_csv(root / "sample_submission.csv")
    assert sample.columns == ["planet_id", *LABEL_COLUMNS, *SIGMA_COLUMNS]
    assert sample["planet_id"].to_list() == open_dataset(root).planets("test")
    assert open_dataset(root).read_wavelengths() == pytest.approx(wavelengths(), abs=1e-12)


def test_axis_info_is_padded_and_descends(root: Path) -> None:
    axes = pl.read_parquet(root / "axis_info.parquet")
    assert axes.shape == (24 * PAIRS, 4)
    wavelength = axes["AIRS-CH0-axis2-um"].drop_nulls().to_numpy()
    assert wavelength == pytest.approx(column_wavelengths())
    assert axes["AIRS-CH0-integration_time"].drop_nulls()[:4].to_list() == [0.1, 4.5, 0.1, 4.5]
    assert len(axes["AIRS-CH0-axis0-h"].drop_nulls()) == 2 * PAIRS
    steps = np.diff(axes["FGS1-axis0-h"].to_numpy() * 3600)
    assert steps[:3] == pytest.approx([0.1, 0.3, 0.1])


def test_labels_are_the_truth_of_the_planets(root: Path) -> None:
    planets = draw_planets(3, seed=8)
    labels = read_labels(find_labels(open_dataset(root)) or "")
    assert labels.depths == pytest.approx(np.array([p.depths for p in planets[:2]]), rel=1e-12)
    hidden = read_labels(root / "test_labels.csv")
    assert hidden.depths[0] == pytest.approx(planets[2].depths, rel=1e-12)


@pytest.mark.parametrize("name", ["AIRS-CH0", "FGS1"])
def test_calibrated_frames_show_the_planted_star(root: Path, name: str) -> None:
    """After ADC, linearity, dark and flat are undone by their formulae, the scene remains."""
    instrument = INSTRUMENTS[name]
    planet_id, cds = read_cds(root, "train", name)
    planet = next(p for p in draw_planets(3, seed=8) if p.planet_id == planet_id)
    image = star_image(get_star(planet.star), instrument)[0]
    n = PAIRS * (12 if name == "FGS1" else 1)
    hours = n * instrument.cadence / 3600
    time, span = instrument.pair_times(n), np.full(n, instrument.exposure / 3600)
    light = relative_light(planet, instrument, time, span, hours).mean(axis=0)
    rows, columns = instrument.signal_rows, instrument.columns
    light = light[::-1] if name == "AIRS-CH0" else light
    expected = image[rows, columns] * light + (25 if name == "AIRS-CH0" else 2)
    good = np.isfinite(cds[rows, columns])
    noise = np.sqrt((expected + 2 * 15**2) / n)
    z = ((cds[rows, columns] - expected) / noise)[good]
    assert abs(np.median(z)) < 0.1
    assert np.percentile(np.abs(z), 68) < 1.2
    total = cds[rows, columns][good].sum() / expected[good].sum()
    assert total == pytest.approx(1, abs=2e-3)


def test_blue_end_of_airs_is_at_the_right_of_the_detector(root: Path) -> None:
    _, cds = read_cds(root, "train", "AIRS-CH0")
    spectrum = np.nansum(cds[8:24], axis=0)
    assert 2.0 < column_wavelengths()[spectrum.argmax()] < 2.1


def test_calibration_differs_between_planets_and_splits(root: Path) -> None:
    dataset = open_dataset(root)
    flats = [
        dataset.read_calibration(split, planet, AIRS).flat.tobytes()
        for split in ("train", "test")
        for planet in dataset.planets(split)
    ]
    assert len(set(flats)) == 3


def test_same_seed_writes_the_same_frames(root: Path, tmp_path: Path) -> None:
    planet = draw_planets(3, seed=8)[0]
    folder = simulate_planet(tmp_path, "train", planet, n_pairs=PAIRS)
    for name in ("AIRS-CH0_signal.parquet", "FGS1_signal.parquet"):
        again = pl.read_parquet(folder / name)
        assert again.equals(pl.read_parquet(root / "train" / str(planet.planet_id) / name))


def test_2025_edition_has_its_own_layout(root_2025: Path) -> None:
    dataset = open_dataset(root_2025)
    assert dataset.edition.year == 2025
    planet = dataset.planets("train")[0]
    assert dataset.visits("train", planet) == 1
    assert dataset.signal_path("train", planet, AIRS).name == "AIRS-CH0_signal_0.parquet"
    assert dataset.signal_path("train", planet, AIRS).is_file()
    assert dataset.read_calibration("train", planet, FGS1).flat.shape == (32, 32)
    assert dataset.adc("train", planet, FGS1) == (0.4369, -1000.0)
    assert find_labels(dataset) == root_2025 / "train.csv"
    columns = ["planet_id", "Rs", "Ms", "Ts", "Mp", "e", "P", "sma", "i"]
    assert dataset.table("train").columns == columns


def test_2025_table_of_stars_is_the_catalogue_of_the_planets(root_2025: Path) -> None:
    row = open_dataset(root_2025).table("train").row(0)
    planet = draw_planets(1, seed=8, edition=2025)[0]
    assert row[0] == planet.planet_id
    assert row[1:] == pytest.approx(astuple(planet.star_info), rel=1e-12)


def test_both_visits_are_written(tmp_path: Path) -> None:
    """A planet with two visits has two files of each kind, with independent noise and drift."""
    planet = next(p for p in draw_planets(60, seed=1, edition=2025) if p.n_visits == 2)
    write_tables(tmp_path, train=[planet], test=[], n_pairs=6)
    simulate_planet(tmp_path, "train", planet, n_pairs=6)
    dataset = open_dataset(tmp_path)
    assert dataset.visits("train", planet.planet_id) == 2
    for instrument in (AIRS, FGS1):
        where = [("train", planet.planet_id, instrument, visit) for visit in (0, 1)]
        frames = [pl.read_parquet(dataset.signal_path(*place)) for place in where]
        assert frames[0].shape == frames[1].shape
        assert not frames[0].equals(frames[1])
        folders = [dataset.calibration_path(*place) for place in where]
        flats = [pl.read_parquet(folder / "flat.parquet") for folder in folders]
        assert not flats[0].equals(flats[1])


def test_tables_come_without_frames(tmp_path: Path) -> None:
    planets = draw_planets(5, seed=1, stars=(4, 5))
    write_tables(tmp_path, train=planets[:3], test=planets[3:])
    dataset = open_dataset(tmp_path)
    assert dataset.planets("train") == [planet.planet_id for planet in planets[:3]]
    assert dataset.star("test", planets[4].planet_id) == planets[4].star
    assert not (tmp_path / "train").exists()


def test_a_simulation_destroys_nothing_that_was_there(tmp_path: Path) -> None:
    labels = tmp_path / "train_labels.csv"
    labels.write_text("precious")
    with pytest.raises(DataFileError, match=r"holds train_labels\.csv\. Delete it or give another"):
        simulate_dataset(tmp_path, n_train=1, n_test=0, n_pairs=4)
    assert labels.read_text() == "precious"
    assert [path.name for path in tmp_path.iterdir()] == ["train_labels.csv"]


def test_an_interrupted_simulation_claims_no_planet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(root: Path, split: str, planet: PlanetTruth, **options: int) -> None:
        if split == "test":
            raise KeyboardInterrupt
        simulate_planet(root, split, planet, **options)

    monkeypatch.setattr(generate, "simulate_planet", interrupted)
    with pytest.raises(KeyboardInterrupt):
        simulate_dataset(tmp_path, n_train=1, n_test=1, n_pairs=4)
    assert [path.name for path in tmp_path.iterdir()] == ["train"]
    with pytest.raises(DataFileError, match=r"holds train\. Delete it or give another"):
        simulate_dataset(tmp_path, n_train=1, n_test=1, n_pairs=4)


def test_impossible_requests_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="n_pairs must be at least 1; got 0"):
        simulate_dataset(tmp_path / "a", n_pairs=0)
    with pytest.raises(ConfigError, match="all of one edition; got 0 train and 0 test"):
        simulate_dataset(tmp_path / "b", n_train=0, n_test=0)
    with pytest.raises(ConfigError, match=r"editions \[2024, 2025\]"):
        write_tables(
            tmp_path / "c",
            train=draw_planets(1, seed=0),
            test=draw_planets(1, seed=0, edition=2025),
        )
    with pytest.raises(ShapeError, match="frames must be uint16"):
        write_frames(tmp_path / "d.parquet", np.zeros((2, 2)))


@pytest.mark.parametrize("edition", [2024, 2025])
def test_a_quick_folder_holds_labelled_light_curves_to_learn_from(tmp_path, edition):
    folder = simulate_observations(tmp_path / "quick", n_train=3, n_test=1, edition=edition, seed=5)
    dataset = open_dataset(folder)
    truth = read_labels(folder / dataset.edition.train_labels)
    assert truth.planet_ids.tolist() == dataset.planets("train")
    for planet in dataset.planets("train"):
        observation = Observation.load(folder / "products" / f"train_{planet}_0.npz")
        assert (observation.planet_id, observation.edition) == (planet, edition)
        if dataset.edition.adc_table is None:  # whose tables tell the number of a star
            assert observation.star == dataset.star("train", planet)
        # Inside the transit AIRS has lost about the depth of light, more where the limb is darker.
        white = observation.airs.sum(axis=1, dtype=float)
        n = len(white)
        before, after, inside = white[: n // 8], white[-n // 8 :], white[n // 2 - 20 : n // 2 + 20]
        lost = 1 - inside.mean() / np.concatenate([before, after]).mean()
        assert lost == pytest.approx(truth.of([planet])[0, 1:].mean(), rel=0.5, abs=1.5e-3)
    with pytest.raises(DataFileError, match="a simulation needs a folder without a data set"):
        simulate_observations(folder, n_train=1)
