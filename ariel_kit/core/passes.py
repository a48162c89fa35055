"""Work on many planets in passes: a step on every batch, what all batches teach, the next step."""

from __future__ import annotations

import os
import pickle
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Generic, TypeVar

import psutil

from ariel_kit.core.cache import atomic_path
from ariel_kit.core.errors import FitError
from ariel_kit.core.pool import HERE, Failure, Pool, open_pool
from ariel_kit.core.runtime import one_thread, progress

SCRATCH = "scratch"
State = TypeVar("State")
After = TypeVar("After")
Told = TypeVar("Told")


@dataclass(frozen=True)
class Parked(Generic[State]):
    """A batch between two passes: its state, or the file that holds it.

    Attributes
    ----------
    number : int
        Of the batch.
    planets : int
        How many the batch holds.
    place : object
        The state, or the path of its file.
    """

    number: int
    planets: int
    place: State | Path

    def fetch(self) -> State:
        """Give the state."""
        if not isinstance(self.place, Path):
            return self.place
        with self.place.open("rb") as file:
            state: State = pickle.load(file)  # noqa: S301 - this run has written it
        return state


@dataclass(frozen=True)
class _Question(Generic[State, Told]):
    """A function of the state of a batch, as a task."""

    function: Callable[[State], Told]

    def __call__(self, parked: Parked[State]) -> Told:
        with one_thread():
            return self.function(parked.fetch())


@dataclass(frozen=True)
class _Step(Generic[State, After, Told]):
    """A step of a batch, as a task: where states are in files, only what it tells travels."""

    function: Callable[[State], tuple[After, Told]]
    name: str
    folder: Path | None

    def __call__(self, parked: Parked[State]) -> tuple[Parked[After], Told]:
        with one_thread():
            after, told = self.function(parked.fetch())
        return Parked(parked.number, parked.planets, self._park(parked.number, after)), told

    def _park(self, number: int, state: After) -> After | Path:
        if self.folder is None:
            return state
        path = self.folder / f"{self.name.replace(' ', '-')}-{number}.pickle"
        with atomic_path(path) as unfinished, unfinished.open("wb") as file:
            pickle.dump(state, file, protocol=pickle.HIGHEST_PROTOCOL)
        return path


@dataclass(frozen=True)
class Passes:
    """Where the batches of a run are worked on, and where they wait between two passes.

    Attributes
    ----------
    pool : Pool
    folder : Path, optional
        Holds the states; they stay in memory without one. A cluster needs a folder that all of
        its workers share.
    """

    pool: Pool = HERE
    folder: Path | None = None

    def apart(self) -> Passes:
        """Give states of a fit a folder of their own, if they are in files."""
        if self.folder is None:
            return self
        return Passes(self.pool, Path(mkdtemp(dir=self.folder)))

    def advance(
        self,
        step: Callable[[State], tuple[After, Told]],
        batches: Sequence[Parked[State]],
        name: str,
    ) -> tuple[list[Parked[After]], list[Told]]:
        """Take each batch a step further.

        A step is repeated from the state before it when its process dies.

        Parameters
        ----------
        step : callable
            From the state of a batch to its next state, and what it tells all others.
        batches : sequence of Parked
        name : str
            Of the step, for the progress line and the files of the states.

        Returns
        -------
        batches : list of Parked
        told : list

        Raises
        ------
        FitError
            If a step raises an error or its process dies twice.
        """
        answers = self._map(_Step(step, name, self.folder), batches, name)
        for batch in batches:
            if isinstance(batch.place, Path):
                batch.place.unlink(missing_ok=True)
        return [parked for parked, _ in answers], [told for _, told in answers]

    def ask(
        self, question: Callable[[State], Told], batches: Sequence[Parked[State]], name: str
    ) -> list[Told]:
        """Ask each batch something that leaves its state as it is; see `advance`."""
        return self._map(_Question(question), batches, name)

    def _map(
        self, task: Callable[[Parked[State]], Told], batches: Sequence[Parked[State]], name: str
    ) -> list[Told]:
        total = sum(batch.planets for batch in batches)
        if self.pool.is_alone:  # an error keeps its place in the code
            shown = progress(batches, total=total, description=name, size=_size, quiet=True)
            return [task(batch) for batch in shown]
        answers = self.pool.map(
            task, batches, total=total, description=name, planets=_size, quiet=True
        )
        good = [answer for answer in answers if not isinstance(answer, Failure)]
        for answer in answers:
            if isinstance(answer, Failure):
                raise FitError(str(answer))
        return good


IN_MEMORY = Passes()
"""In this process, and in memory."""


@contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """Make a folder for what only this run reads, and remove it at the end.

    What a run that was killed has left goes, too.
    """
    for left in parent.glob(f"{SCRATCH}-*"):
        if not psutil.pid_exists(int(left.name.removeprefix(f"{SCRATCH}-"))):
            shutil.rmtree(left, ignore_errors=True)
    path = (parent / f"{SCRATCH}-{os.getpid()}").absolute()
    path.mkdir(parents=True, exist_ok=True)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def open_passes(
    parent: Path, n_jobs: int = 1, backend: str | None = None, address: str | None = None
) -> Iterator[Passes]:
    """Open processes as `open_pool` does, with a scratch folder in `parent`."""
    with open_pool(n_jobs, backend, address) as pool, scratch_folder(parent) as folder:
        yield Passes(pool, folder)


def _size(parked: Parked[Any]) -> int:
    return parked.planets


def park(states: Iterable[Sequence[Any]]) -> list[Parked[Any]]:
    """Number batches that are about to start; each is a sequence of its planets.

    Examples
    --------
    >>> [(batch.number, batch.planets) for batch in park([[7, 8], [9]])]
    [(0, 2), (1, 1)]
    """
    return [Parked(number, len(state), state) for number, state in enumerate(states)]
