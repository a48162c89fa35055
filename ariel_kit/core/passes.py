"""Process many planets in passes: a step for every batch, a result of all of them, and again."""

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
Result = TypeVar("Result")


@dataclass(frozen=True)
class StoredBatch(Generic[State]):
    """A batch between two passes, in memory or in a file.

    Attributes
    ----------
    number : int
        Number of the batch.
    planets : int
        Number of planets in the batch.
    place : object
        State of the batch, or the path of the file that holds it.
    """

    number: int
    planets: int
    place: State | Path

    def fetch(self) -> State:
        """Return the state, which is read from its file if need be."""
        if not isinstance(self.place, Path):
            return self.place
        with self.place.open("rb") as file:
            state: State = pickle.load(file)  # noqa: S301 - this run has written it
        return state


@dataclass(frozen=True)
class _Question(Generic[State, Result]):
    """A function of the state of a batch as a task."""

    function: Callable[[State], Result]

    def __call__(self, stored: StoredBatch[State]) -> Result:
        with one_thread():
            return self.function(stored.fetch())


@dataclass(frozen=True)
class _Step(Generic[State, After, Result]):
    """A step of a batch as a task. With states in files, only the result is sent back."""

    function: Callable[[State], tuple[After, Result]]
    name: str
    folder: Path | None

    def __call__(self, stored: StoredBatch[State]) -> tuple[StoredBatch[After], Result]:
        with one_thread():
            after, told = self.function(stored.fetch())
        return StoredBatch(stored.number, stored.planets, self._park(stored.number, after)), told

    def _park(self, number: int, state: After) -> After | Path:
        if self.folder is None:
            return state
        path = self.folder / f"{self.name.replace(' ', '-')}-{number}.pickle"
        with atomic_path(path) as unfinished, unfinished.open("wb") as file:
            pickle.dump(state, file, protocol=pickle.HIGHEST_PROTOCOL)
        return path


@dataclass(frozen=True)
class Passes:
    """The processes that work on the batches of a run, and the folder of the states in between.

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
        """Use a new folder for the states of one fit, if states are kept in files."""
        if self.folder is None:
            return self
        return Passes(self.pool, Path(mkdtemp(dir=self.folder)))

    def advance(
        self,
        step: Callable[[State], tuple[After, Result]],
        batches: Sequence[StoredBatch[State]],
        name: str,
    ) -> tuple[list[StoredBatch[After]], list[Result]]:
        """Apply a step to each batch.

        If a process dies, its step is repeated from the state before it.

        Parameters
        ----------
        step : callable
            From the state of a batch to its next state, and what it tells all others.
        batches : sequence of StoredBatch
        name : str
            Of the step, for the progress line and the files of the states.

        Returns
        -------
        batches : list of StoredBatch
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
        return [stored for stored, _ in answers], [told for _, told in answers]

    def ask(
        self, question: Callable[[State], Result], batches: Sequence[StoredBatch[State]], name: str
    ) -> list[Result]:
        """Compute something from each batch, whose state does not change; see `advance`."""
        return self._map(_Question(question), batches, name)

    def _map(
        self,
        task: Callable[[StoredBatch[State]], Result],
        batches: Sequence[StoredBatch[State]],
        name: str,
    ) -> list[Result]:
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
    """Make a folder for the temporary files of this run, and remove it at the end.

    Folders of runs that were killed are removed, too.
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


def _size(stored: StoredBatch[Any]) -> int:
    return stored.planets


def number_batches(states: Iterable[Sequence[Any]]) -> list[StoredBatch[Any]]:
    """Number new batches, each of which is a sequence of its planets.

    Examples
    --------
    >>> [(batch.number, batch.planets) for batch in number_batches([[7, 8], [9]])]
    [(0, 2), (1, 1)]
    """
    return [StoredBatch(number, len(state), state) for number, state in enumerate(states)]
