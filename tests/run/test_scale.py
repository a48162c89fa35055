"""A run on many processes: the same bytes, whoever works on the batches and wherever they wait."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from ariel_kit.core.cache import Mapped, StoredSequence
from ariel_kit.core.config import RunSettings
from ariel_kit.core.errors import FitError
from ariel_kit.core.observation import Observation
from ariel_kit.core.passes import Passes, number_batches, scratch_folder
from ariel_kit.core.pool import open_pool
from ariel_kit.run import line as run_line
from ariel_kit.run.covariances import ROWS, gather_covariances, set_aside
from ariel_kit.run.line import load_line
from ariel_kit.simulation import draw_planets, simulate_observation
from ariel_kit.spectral_extraction import batch, learn_prior

PLANETS = draw_planets(5, seed=93)
PRIOR = learn_prior(np.array([planet.depths for planet in draw_planets(60, seed=92)]))


@pytest.fixture(scope="module")
def stored(tmp_path_factory) -> StoredSequence[Observation]:
    folder = tmp_path_factory.mktemp("products")
    paths = [folder / f"{planet.planet_id}.npz" for planet in PLANETS]
    for planet, path in zip(PLANETS, paths, strict=True):
        simulate_observation(planet, seed=1, bin_seconds=48.0).save(path)
    return StoredSequence(Observation, paths)


@pytest.fixture
def small(monkeypatch):
    """Three planets teach, in batches of two, and the other two follow."""
    monkeypatch.setattr(batch, "BATCH", 2)
    monkeypatch.setattr(run_line, "LARGEST_JOINT_FIT", 3)


def as_bytes(spectra) -> list[tuple[bytes, bytes, str]]:
    return [(s.mean.tobytes(), s.sigma.tobytes(), repr(s.provenance)) for s in spectra]


@pytest.mark.usefixtures("small")
def test_processes_and_files_change_no_byte(stored, tmp_path):
    line = load_line(RunSettings(), edition=2024)
    alone = line(stored, PRIOR)
    aside = tmp_path / "aside"
    aside.mkdir()
    with open_pool(2) as pool:
        spread = line(stored, PRIOR, Passes(pool, tmp_path), partial(set_aside, aside))
    assert as_bytes(spread) == as_bytes(alone)
    assert [path.name for path in tmp_path.iterdir()] == ["aside"]
    gather_covariances(tmp_path / "all.npz", aside, spread)
    with np.load(tmp_path / "all.npz") as kept:
        assert len(kept.files) == len(PLANETS)
        for spectrum in alone:
            half = kept[str(spectrum.planet_id)]
            np.testing.assert_allclose(half, spectrum.covariance[np.tril_indices(283)], rtol=1e-6)
            assert len(half) == len(ROWS)


def test_planets_that_follow_have_the_answers_of_those_that_are_fitted_together(
    stored, monkeypatch
):
    """What four of five planets teach is nearly what all five do."""
    line = load_line(RunSettings(), edition=2024)
    together = line(stored, PRIOR)
    monkeypatch.setattr(run_line, "LARGEST_JOINT_FIT", 4)
    for one, other in zip(line(stored, PRIOR), together, strict=True):
        assert np.abs((one.mean - other.mean) / other.sigma).max() < 0.5
        np.testing.assert_allclose(one.sigma, other.sigma, rtol=0.2)


SCRIPT = """
import sys
from pathlib import Path
from ariel_kit.core.cache import StoredSequence
from ariel_kit.core.config import RunSettings
from ariel_kit.core.observation import Observation
from ariel_kit.run.line import load_line
from ariel_kit.spectral_extraction import simulated_prior
stored = StoredSequence(Observation, [Path(sys.argv[1])])
(spectrum,) = load_line(RunSettings(), edition=2024)(stored, simulated_prior(n=100))
print(spectrum.mean.tobytes().hex(), spectrum.sigma.tobytes().hex())
"""


def test_threads_change_no_byte(stored):
    answers = set()
    for threads in ("1", "3"):
        names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
        command = [sys.executable, "-c", SCRIPT, str(stored.paths[0])]
        environment = {**os.environ, **dict.fromkeys(names, threads)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        answers.add(done.stdout)
    assert len(answers) == 1


@dataclass(frozen=True)
class Breaks:
    """Reads an observation, unless it is that of one planet."""

    planet_id: int
    kill: bool = False

    def __call__(self, observation: Observation) -> Observation:
        if observation.planet_id != self.planet_id:
            return observation
        if self.kill:
            os.kill(os.getpid(), signal.SIGKILL)
        raise ZeroDivisionError("nobody foresaw this")


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("place", [0, 1], ids=["that teaches", "that follows"])
def test_an_error_costs_its_planet_alone(stored, place, caplog):
    line = load_line(RunSettings(), edition=2024)
    bad = PLANETS[place].planet_id
    correct = Breaks(bad)
    stage = _Before(correct)
    broken = type(line)((stage, *line.stages), line.refusals)
    spectra = broken(stored, PRIOR)
    assert [s.planet_id for s in spectra if s.fit is None] == [bad]
    assert "ZeroDivisionError: nobody foresaw this" in spectra[place].provenance["fit"]["reason"]
    assert f"planet {bad}: ZeroDivisionError" in caplog.text


@pytest.mark.usefixtures("small")
def test_a_planet_that_kills_its_process_is_lost_alone(stored, tmp_path):
    line = load_line(RunSettings(), edition=2024)
    bad = PLANETS[1].planet_id
    broken = type(line)((_Before(Breaks(bad, kill=True)), *line.stages), line.refusals)
    with open_pool(2) as pool:
        spectra = broken(stored, PRIOR, Passes(pool, tmp_path))
    assert [s.planet_id for s in spectra if s.fit is None] == [bad]
    assert "killed twice" in spectra[1].provenance["fit"]["reason"]


@dataclass(frozen=True)
class _Before:
    """A stage that comes first."""

    correct: Breaks
    name = "before"
    weights = None

    def __call__(self, state):
        return replace(state, observations=Mapped(self.correct, state.observations))


def add_up(state: list[int]) -> tuple[list[int], int]:
    return [*state, sum(state)], sum(state)


def killed_once(mark: Path, state: list[int]) -> tuple[list[int], int]:
    if 3 in state and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return add_up(state)


def test_a_step_whose_process_is_killed_is_taken_again_from_the_state_before_it(tmp_path):
    folder = tmp_path / "states"
    folder.mkdir()
    with open_pool(2) as pool:
        passes = Passes(pool, folder)
        batches, told = passes.advance(add_up, number_batches([[1, 2], [3, 4]]), "first")
        assert told == [3, 7]
        batches, told = passes.advance(partial(killed_once, tmp_path / "mark"), batches, "second")
    assert told == [6, 14]
    assert [one.fetch() for one in batches] == [[1, 2, 3, 6], [3, 4, 7, 14]]
    assert sorted(path.name for path in folder.iterdir()) == ["second-0.pickle", "second-1.pickle"]


def fail(state: list[int]) -> tuple[list[int], int]:
    raise FitError("no light")


def test_a_step_that_fails_in_another_process_says_why():
    with open_pool(2) as pool, pytest.raises(FitError, match="FitError: no light"):
        Passes(pool).advance(fail, number_batches([[1], [2]]), "first")


def test_scratch_of_a_killed_run_is_removed_and_that_of_a_living_one_kept(tmp_path):
    dead, alive = (tmp_path / f"scratch-{number}" for number in (2**22 + 1, os.getppid()))
    dead.mkdir()
    alive.mkdir()
    with scratch_folder(tmp_path) as own:
        assert own.is_dir()
        assert alive.is_dir()
        assert not dead.exists()
    assert not own.exists()
