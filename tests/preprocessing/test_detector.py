"""Passes over the samples of a detector, and how well the pointing is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ariel_kit.core.instruments import FGS1
from ariel_kit.data.dataset import Dataset, open_dataset
from ariel_kit.preprocessing import calibrate_planet
from ariel_kit.preprocessing.detector import RawVisit
from ariel_kit.simulation import simulate_dataset


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("detector")
    return open_dataset(simulate_dataset(folder, n_train=1, n_test=0, n_pairs=60, seed=5))


def test_a_sample_is_taken_from_stretches_over_the_whole_visit(dataset: Dataset) -> None:
    """The first and the last frame are among them, and what lies between is as in a full pass."""
    (planet,) = dataset.planets("train")
    detector = RawVisit(dataset, "train", planet, 0).open(FGS1)
    inside = np.zeros(detector.bad.shape, bool)
    inside[14:18, 14:18] = True
    inside &= ~detector.bad
    whole = detector.sample(inside, stretches=1, length=720)
    found = detector.sample(inside, stretches=3, length=100)
    places = np.concatenate([np.arange(first, first + 100) for first in (0, 310, 620)])
    np.testing.assert_array_equal(found, whole[:, places])


def still_star(dataset: Dataset, folder: Path) -> Dataset:
    """Replace the frames of FGS1 by those of a star that does not move, with photon noise."""
    (planet,) = dataset.planets("train")
    path = dataset.signal_path("train", planet, FGS1)
    frames = pl.read_parquet(path).to_numpy().astype(np.float64)
    adc = dataset.adc("train", planet, FGS1)
    read = dataset.read_calibration("train", planet, FGS1, 0).read.ravel()
    mean = np.stack([frames[::2].mean(axis=0), frames[1::2].mean(axis=0)])
    light = np.maximum(mean[1] - mean[0], 0) / adc.gain  # electrons
    rng = np.random.default_rng(3)
    n = len(frames) // 2
    even = mean[0] / adc.gain + read * rng.standard_normal((n, 1024))
    odd = mean[0] / adc.gain + rng.poisson(light, (n, 1024))
    odd = odd + read * rng.standard_normal((n, 1024))
    raw = np.stack([even, odd], axis=1).reshape(2 * n, 1024) * adc.gain
    table = pl.DataFrame(np.clip(np.rint(raw), 0, 65534).astype(np.uint16), schema=[
        f"column_{i}" for i in range(1024)
    ])  # fmt: skip
    target = folder / "still"
    for file in dataset.root.rglob("*"):
        if file.is_file():
            copy = target / file.relative_to(dataset.root)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.hardlink_to(file)
    place = target / path.relative_to(dataset.root)
    place.unlink()
    table.write_parquet(place)
    return open_dataset(target)


def test_the_pointing_of_a_star_at_rest_scatters_by_its_stated_noise(
    dataset: Dataset, tmp_path: Path
) -> None:
    still = still_star(dataset, tmp_path)
    found = calibrate_planet(still, still.planets("train")[0])
    scatter = found.pointing.std(axis=0)
    assert found.pointing_noise == pytest.approx(scatter, rel=0.15)
