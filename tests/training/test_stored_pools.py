"""Pools are made once, and again where the physics that made them changed or a file is damaged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from ariel_kit.core.cache import Cache
from ariel_kit.core.config import CalibrationSettings
from ariel_kit.core.errors import DataFileError
from ariel_kit.core.observation import Observation
from ariel_kit.core.revisions import REVISIONS
from ariel_kit.simulation import draw_planets, simulate_observation
from ariel_kit.training.pools import blind, fitted
from ariel_kit.training.pools.blind import BlindPlanets, blind_chunks
from ariel_kit.training.pools.fitted import FittedPlanets, fitted_chunks
from ariel_kit.training.pools.folder import find_editions, observed_folds


@pytest.fixture
def made(monkeypatch) -> list[str]:
    """Count the chunks that are made, of planets that cost nothing."""
    made: list[str] = []

    def blind_planets(planets, *, seed) -> BlindPlanets:
        made.append("blind")
        return BlindPlanets({"maps": torch.full((1, 3), float(seed))}, {})

    def fit_chunk(number, *, seed):
        made.append("fitted")
        return [], [], []

    nothing = FittedPlanets(np.zeros((1, 15, 283), "f4"), np.zeros((1, 283), "f4"))
    monkeypatch.setattr(blind, "draw_planets", lambda *_, **__: [])
    monkeypatch.setattr(blind, "blind_planets", blind_planets)
    monkeypatch.setattr(fitted, "fit_chunk", fit_chunk)
    monkeypatch.setattr(FittedPlanets, "of", classmethod(lambda cls, *_: nothing))
    return made


def make_both(folder: Path) -> None:
    planets = blind_chunks(folder, chunks=2, seed=5)
    assert planets.inputs["maps"][:, 0].tolist() == [5.0, 1005.0]
    assert len(fitted_chunks(folder, chunks=1, seed=5)) == 1


@pytest.mark.parametrize("part", ["fit", "simulation", "pools"])
def test_pools_of_another_revision_are_made_again(made, tmp_path, monkeypatch, part):
    make_both(tmp_path)
    make_both(tmp_path)
    assert made == ["blind", "blind", "fitted"]
    monkeypatch.setitem(REVISIONS, part, 99)
    make_both(tmp_path)
    assert made == 2 * ["blind", "blind", "fitted"]
    assert sum(f"{part}99" in path.name for path in tmp_path.iterdir()) == 3


def test_simulated_pools_do_not_rest_on_the_calibration(made, tmp_path, monkeypatch):
    make_both(tmp_path)
    monkeypatch.setitem(REVISIONS, "calibration", 99)
    make_both(tmp_path)
    assert len(made) == 3


@pytest.mark.parametrize("damage", [b"", b"half a file", b"PK\x03\x04half"])
def test_a_damaged_pool_is_told_and_made_again(made, tmp_path, caplog, damage):
    make_both(tmp_path)
    for path in tmp_path.iterdir():
        path.write_bytes(damage)
    make_both(tmp_path)
    assert len(made) == 6
    assert caplog.text.count("is damaged and made anew") == 3


def test_observations_of_another_calibration_are_refused(tmp_path, monkeypatch):
    cache = Cache(tmp_path, CalibrationSettings(), Observation, ("calibration",))
    for planet in draw_planets(2, seed=3):
        cache.fetch(
            f"train_{planet.planet_id}_0", [], lambda p=planet: simulate_observation(p, seed=0)
        )
    folds = observed_folds(tmp_path, seed=1)
    assert find_editions(folds) == [2024]
    monkeypatch.setitem(REVISIONS, "fit", 99)
    assert {f.name for f in observed_folds(tmp_path, seed=1)}.isdisjoint(f.name for f in folds)
    monkeypatch.setitem(REVISIONS, "calibration", 99)
    with pytest.raises(DataFileError, match=r"calibration \d+, which is 99 today: calibrate it"):
        observed_folds(tmp_path, seed=1)
