"""A small raw data set that every test may read and none may change."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from ariel_kit import preprocessing
from ariel_kit.core.instruments import OBSERVATION_HOURS
from ariel_kit.core.observation import Observation
from ariel_kit.data.dataset import LABEL_COLUMNS
from ariel_kit.simulation import draw_spectra, simulate_dataset

N_PAIRS = 360
"""AIRS pairs of a tiny observation: 29 minutes instead of 7.5 hours."""

calibrate_for_real = preprocessing.calibrate_planet
_done: dict[tuple[object, ...], Observation] = {}


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two test planets, and 40 labels of others."""
    root = tmp_path_factory.mktemp("raw")
    simulate_dataset(root, n_train=0, n_test=2, seed=1, n_pairs=N_PAIRS)
    depths = draw_spectra(40, rng=np.random.default_rng(5), star=np.arange(40) % 2)
    labels = pl.DataFrame(depths, schema=LABEL_COLUMNS)
    labels = labels.insert_column(0, pl.Series("planet_id", range(1, 41)))
    labels.write_csv(root / "train_labels.csv")
    return root


@pytest.fixture
def own(tiny: Path, tmp_path: Path) -> Path:
    """A copy of the data set that a test may damage."""
    return Path(shutil.copytree(tiny, tmp_path / "own"))


@pytest.fixture
def calibrations(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count calibrations; do each only once per session while a planet's files stay the same.

    Tiny observations are stretched to full length, for the fit knows no other. The simulator
    squeezes the transit into a short observation, so only the clock has to change.
    """
    calls: list[int] = []

    def remembered(dataset, planet_id, *, split, settings=None, visit=0):
        calls.append(planet_id)
        files = [path.stat() for path in sorted((dataset.root / split / str(planet_id)).rglob("*"))]
        key = (planet_id, visit, settings, *((file.st_size, file.st_mtime_ns) for file in files))
        if key not in _done:
            observation = calibrate_for_real(
                dataset, planet_id, split=split, visit=visit, settings=settings
            )
            _done[key] = _stretched(observation)
        return _done[key]

    monkeypatch.setattr(preprocessing, "calibrate_planet", remembered)
    return calls


@pytest.fixture
def for_real(monkeypatch: pytest.MonkeyPatch, calibrations: list[int]) -> None:
    """Calibrate as the kit does it, which is what worker processes do anyway."""
    monkeypatch.setattr(preprocessing, "calibrate_planet", calibrate_for_real)


def _stretched(observation: Observation) -> Observation:
    lengths = {"airs_time": len(observation.airs), "fgs1_time": len(observation.fgs1)}
    clocks = {k: (np.arange(n) + 0.5) * OBSERVATION_HOURS / n for k, n in lengths.items()}
    return replace(observation, **clocks)


def stretched_calibration(*arguments: Any, **options: Any) -> Observation:
    """Calibrate as the kit does it, and stretch the clock to full length."""
    return _stretched(calibrate_for_real(*arguments, **options))
