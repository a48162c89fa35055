"""Run tasks in the processes of one machine or of a Dask cluster with the same call."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from itertools import islice
from typing import Any, Generic, TypeVar

from ariel_kit.core.errors import (
    ArielKitError,
    ConfigError,
    DiskError,
    UnknownNameError,
    describe_bug,
)
from ariel_kit.core.runtime import available_cores, progress, resolve_jobs

log = logging.getLogger(__name__)

Task = TypeVar("Task")
Result = TypeVar("Result")

BACKENDS = ("loky", "dask")
KILLED = (
    "a planet must be done by a process that lives; it was killed twice, as happens when memory "
    "runs out. Use fewer processes or calibration.memory=tight."
)
CONNECT_SECONDS = 10
"""Longest time in which a scheduler must answer."""
_THREAD_VARIABLES = (
    *("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"),
    *("BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS", "POLARS_MAX_THREADS"),
)
_REPLACED = "A worker stopped while some jobs were given to the executor"
"""What loky warns of when it replaces a process whose memory has grown by 300 MB. The frames of a
planet are larger, and a replaced process loses nothing."""


@dataclass(frozen=True)
class Failure:
    """A task that failed, with the reason.

    Attributes
    ----------
    error : str
        Class of the error, e.g. ``DataFileError``.
    reason : str
        Its message: the rule, what was found, what to do.
    """

    error: str
    reason: str

    @classmethod
    def of(cls, error: Exception) -> Failure:
        """Describe an error; an unforeseen one comes with a line for a bug report.

        Examples
        --------
        >>> Failure.of(ZeroDivisionError("division by zero")).reason
        'division by zero; please report this line with the planet.'
        """
        known = isinstance(error, ArielKitError)
        reason = (
            str(error)
            if known
            else f"{describe_bug(error)}; please report this line with the planet."
        )
        return cls(type(error).__name__, reason)

    def __str__(self) -> str:
        return f"{self.error}: {self.reason}"


@dataclass(frozen=True)
class _Guarded(Generic[Task, Result]):
    """A function that returns its errors as values, so that no task ends the run of the others."""

    function: Callable[[Task], Result]

    def __call__(self, task: Task) -> Result | Failure:
        try:
            return self.function(task)
        except DiskError:  # it is not the task's, and every other one would meet it too
            raise
        except Exception as error:  # noqa: BLE001
            return Failure.of(error)


@dataclass(frozen=True)
class _Processes:
    """Processes that take calls.

    Attributes
    ----------
    open : callable
        Gives the executor; a new one where the last is broken.
    killed : type
        What a call raises whose process died.
    """

    open: Callable[[], Executor]
    killed: type[Exception]


@dataclass(frozen=True)
class Pool:
    """Processes that run the tasks of a run. Open a pool with `open_pool`.

    Attributes
    ----------
    width : int
        Tasks under way at once.
    is_here : bool
        Whether all of it is on this machine.
    """

    width: int = 1
    is_here: bool = True
    _processes: _Processes | None = None

    @property
    def is_alone(self) -> bool:
        """Whether this process does all tasks itself, one after the other."""
        return self._processes is None

    def answers(
        self,
        function: Callable[[Task], Result],
        tasks: Iterable[Task],
        *,
        total: int,
        description: str,
        planets: Callable[[Task], int] = lambda task: 1,
        quiet: bool = False,
    ) -> Iterator[tuple[int, Task, Result | Failure]]:
        """Call `function` on every task, and yield each answer as soon as it is available.

        A task whose process dies is tried once more, alone; if that process dies too, the task is
        a failure.

        Parameters
        ----------
        function : callable
            With more than one process it must be picklable, and so must what it returns, which
            should be small.
        tasks : iterable
            Asked for the next one only when there is a process for it, so it may end early.
        total : int
            How many planets there are at most, for the progress line.
        description : str
            For the progress line.
        planets : callable
            How many planets a task holds.
        quiet : bool
            As in `progress`.

        Yields
        ------
        position : int
            Place in `tasks`.
        task : object
        answer : object
            The result, or a `Failure`.

        Raises
        ------
        DiskError
            If a result could not be written.

        Examples
        --------
        >>> list(Pool().answers(lambda planet: planet + 1, iter([3, 4]), total=2, description="x"))
        [(0, 3, 4), (1, 4, 5)]
        """
        guarded = _Guarded(function)
        if self._processes is None:
            found: Iterable[tuple[int, Task, Result | Failure]] = (
                (position, task, guarded(task)) for position, task in enumerate(tasks)
            )
        else:
            found = _Spread(guarded, self._processes, self.width).over(tasks)
        yield from progress(
            found,
            total=total,
            description=description,
            size=lambda answer: planets(answer[1]),
            quiet=quiet,
        )

    def map(
        self, function: Callable[[Task], Result], tasks: Iterable[Task], **shown: Any
    ) -> list[Result | Failure]:
        """Call as `answers` does; the answers come back in the order of `tasks`."""
        found = {position: answer for position, _, answer in self.answers(function, tasks, **shown)}
        return [found[position] for position in range(len(found))]


HERE = Pool()
"""This process alone."""


@contextmanager
def open_pool(
    n_jobs: int = 1, backend: str | None = None, address: str | None = None
) -> Iterator[Pool]:
    """Open the processes that do the tasks of a run.

    Parameters
    ----------
    n_jobs : int
        Processes on this machine; -1 for one per core.
    backend : {'loky', 'dask'}, optional
        Who runs them; loky, processes on this machine, when left out.
    address : str, optional
        Scheduler of a running Dask cluster; a local one is started when left out.

    Yields
    ------
    Pool

    Raises
    ------
    UnknownNameError
        If the backend is unknown.
    ConfigError
        If its package is not installed, an address is given to a backend that has none, no
        scheduler answers there, or its workers run several tasks at once.

    Examples
    --------
    >>> with open_pool() as pool:
    ...     pool.map(lambda planet: planet + 1, [3, 4], total=2, description="planets")
    [4, 5]
    """
    jobs = resolve_jobs(n_jobs)
    with ExitStack() as stack:
        yield _open(stack, backend, address, jobs)


def _open(stack: ExitStack, backend: str | None, address: str | None, jobs: int) -> Pool:
    if backend not in (None, *BACKENDS):
        raise UnknownNameError("backend", str(backend), BACKENDS)
    if backend == "dask":
        return _open_dask(stack, address, jobs)
    if address is not None:
        name = backend or "loky"
        raise ConfigError(f"backend {name!r} has no address; use dask, or leave it out.")
    return Pool() if backend is None and jobs == 1 else _open_loky(stack, jobs)


def _open_loky(stack: ExitStack, jobs: int) -> Pool:
    loky = import_module("joblib.externals.loky")  # 0.1 s that one process never needs
    # Processes share the cores instead of each taking all of them.
    threads = str(max(1, available_cores() // jobs))
    environment = dict.fromkeys(_THREAD_VARIABLES, threads)
    stack.enter_context(warnings.catch_warnings())
    warnings.filterwarnings("ignore", message=_REPLACED, category=UserWarning)
    executor = partial(loky.get_reusable_executor, max_workers=jobs, env=environment)
    return Pool(jobs, True, _Processes(executor, loky.process_executor.BrokenProcessPool))


def _open_dask(stack: ExitStack, address: str | None, jobs: int) -> Pool:
    try:
        distributed = import_module("distributed")
    except ImportError as error:
        raise ConfigError(
            "backend 'dask' needs the package distributed; "
            'install it with: pip install "ariel-kit[cluster]".'
        ) from error
    local = {"n_workers": jobs, "threads_per_worker": 1, "dashboard_address": None}
    try:
        client = stack.enter_context(
            distributed.Client(**local)
            if address is None
            else distributed.Client(address, timeout=CONNECT_SECONDS)
        )
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"no Dask scheduler answers at {address} within {CONNECT_SECONDS} s; start one there, "
            "or leave out --address."
        ) from error
    cores = client.ncores().values()
    if max(cores, default=1) > 1:  # the kernels of one process are not safe between threads
        raise ConfigError(
            f"each worker of {address} must do one task at a time; found one with {max(cores)} "
            "threads. Start workers with --nthreads 1."
        )
    processes = _Processes(client.get_executor, distributed.KilledWorker)
    return Pool(max(jobs, sum(cores)), address is None, processes)


@dataclass
class _Spread(Generic[Task, Result]):
    """Calls spread over processes, a few under way at a time."""

    guarded: _Guarded[Task, Result]
    processes: _Processes
    width: int

    def over(self, tasks: Iterable[Task]) -> Iterator[tuple[int, Task, Result | Failure]]:
        """Answer every task, in the order in which the answers come."""
        waiting = enumerate(tasks)
        running: dict[Future[Result | Failure], tuple[int, Task]] = {}
        suspects: list[tuple[int, Task]] = []
        try:
            while True:
                if not suspects:
                    running |= self._fill(waiting, self.width - len(running))
                if not running:
                    if not suspects:
                        return
                    yield self._alone(*suspects.pop(0))
                    continue
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    call = running.pop(future)
                    try:
                        yield (*call, future.result())
                    except self.processes.killed:  # any that ran beside it may be to blame
                        suspects.append(call)
        finally:
            for future in running:
                future.cancel()

    def _fill(
        self, waiting: Iterator[tuple[int, Task]], room: int
    ) -> dict[Future[Result | Failure], tuple[int, Task]]:
        """Start the next calls."""
        calls = islice(waiting, room)
        return {self.processes.open().submit(self.guarded, call[1]): call for call in calls}

    def _alone(self, position: int, task: Task) -> tuple[int, Task, Result | Failure]:
        """Try a task once more whose process died, while nothing else runs."""
        name = f"planet {task}" if isinstance(task, int) else "some planets"
        log.warning("%s: its process was killed; it is tried once more, alone", name)
        try:
            return position, task, self.processes.open().submit(self.guarded, task).result()
        except self.processes.killed:
            return position, task, Failure("KilledWorker", KILLED)
