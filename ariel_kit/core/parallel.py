"""Planets over the cores of one machine, or over a Dask cluster, with the same call."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from itertools import islice
from typing import Generic, TypeVar

from ariel_kit.core.errors import (
    ArielKitError,
    ConfigError,
    DiskError,
    UnknownNameError,
    describe_bug,
)
from ariel_kit.core.runtime import available_cores, progress, resolve_jobs

log = logging.getLogger(__name__)

Result = TypeVar("Result")

BACKENDS = ("loky", "dask")
KILLED = (
    "a planet must be done by a process that lives; it was killed twice, as happens when memory "
    "runs out. Use fewer processes or calibration.memory=tight."
)
CONNECT_SECONDS = 10
"""How long a scheduler may take to answer."""
_THREAD_VARIABLES = (
    *("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"),
    *("BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS"),
)


@dataclass(frozen=True)
class PlanetFailure:
    """A planet for which a stage gave up, and why.

    Attributes
    ----------
    planet_id : int
    error : str
        Class of the error, e.g. ``DataFileError``.
    reason : str
        Its message: the rule, what was found, what to do.
    """

    planet_id: int
    error: str
    reason: str

    @classmethod
    def of(cls, planet_id: int, error: Exception) -> PlanetFailure:
        """Tell of an error; one that the kit did not foresee comes with a line to report.

        Examples
        --------
        >>> print(PlanetFailure.of(7, ZeroDivisionError("division by zero")))
        planet 7: ZeroDivisionError: division by zero; please report this line with the planet.
        """
        known = isinstance(error, ArielKitError)
        reason = (
            str(error)
            if known
            else f"{describe_bug(error)}; please report this line with the planet."
        )
        return cls(planet_id, type(error).__name__, reason)

    def __str__(self) -> str:
        return f"planet {self.planet_id}: {self.error}: {self.reason}"


@dataclass(frozen=True)
class _Guarded(Generic[Result]):
    """The stage with its errors turned into values: no planet ends the run of the others."""

    function: Callable[[int], Result]

    def __call__(self, position: int, planet_id: int) -> _Told[Result]:
        try:
            return position, planet_id, self.function(planet_id)
        except DiskError:  # it is not the planet's, and every other planet would meet it too
            raise
        except Exception as error:  # noqa: BLE001
            return position, planet_id, PlanetFailure.of(planet_id, error)


_Told = tuple[int, int, Result | PlanetFailure]
"""Place of a planet, its id, and the answer."""


def map_planets(
    function: Callable[[int], Result],
    planet_ids: Sequence[int],
    *,
    n_jobs: int = 1,
    backend: str | None = None,
    address: str | None = None,
    description: str = "planets",
) -> list[Result | PlanetFailure]:
    """Call `function` on every planet; the answers come back in the order of `planet_ids`.

    One process is the default and often the fastest: the kernels use all cores themselves.
    `function` should return something small, such as a path: what it returns is sent back.

    Parameters
    ----------
    function : callable
        From planet id to result. With more than one process it must be picklable.
    planet_ids : sequence of int
    n_jobs : int
        Processes; -1 for one per core.
    backend : {'loky', 'dask'}, optional
        Who runs them; loky, processes on this machine, when left out.
    address : str, optional
        Scheduler of a running Dask cluster; a local one is started when left out.
    description : str
        For the progress line.

    Returns
    -------
    list
        A result per planet, or a `PlanetFailure` where an error was raised or a process died.

    Raises
    ------
    UnknownNameError
        If the backend is unknown.
    ConfigError
        If its package is not installed, an address is given to a backend that has none, or no
        scheduler answers there.
    DiskError
        If a result could not be written.

    Examples
    --------
    >>> map_planets(lambda planet: planet + 1, [3, 4])
    [4, 5]
    """
    answers = iter_planets(
        function,
        planet_ids,
        total=len(planet_ids),
        n_jobs=n_jobs,
        backend=backend,
        address=address,
        description=description,
    )
    found = {position: answer for position, _, answer in answers}
    return [found[position] for position in range(len(planet_ids))]


def iter_planets(
    function: Callable[[int], Result],
    planet_ids: Iterable[int],
    *,
    total: int,
    n_jobs: int = 1,
    backend: str | None = None,
    address: str | None = None,
    description: str = "planets",
) -> Iterator[tuple[int, int, Result | PlanetFailure]]:
    """Call as `map_planets` does, and give each answer as soon as it is there.

    A planet whose process dies is tried once more, alone; if that process dies too, the planet is
    a failure.

    Parameters
    ----------
    function, n_jobs, backend, address, description
        As in `map_planets`.
    planet_ids : iterable of int
        Asked for the next planet only when there is a process for it, so it may end early.
    total : int
        How many planets there are at most, for the progress line.

    Yields
    ------
    position : int
        Place in `planet_ids`.
    planet_id : int
    answer : object
        The result, or a `PlanetFailure`.

    Examples
    --------
    >>> list(iter_planets(lambda planet: planet + 1, iter([3, 4]), total=2))
    [(0, 3, 4), (1, 4, 5)]
    """
    jobs = resolve_jobs(n_jobs)
    guarded = _Guarded(function)
    with ExitStack() as stack:
        if backend is None and address is None and jobs == 1:
            answers: Iterable[_Told[Result]] = (guarded(i, p) for i, p in enumerate(planet_ids))
        else:
            pool = _open_pool(stack, backend or "loky", address, jobs)
            answers = _Spread(guarded, pool).over(planet_ids)
        yield from progress(answers, total=total, description=description)


@dataclass(frozen=True)
class _Pool:
    """Processes that take calls.

    Attributes
    ----------
    open : callable
        Gives the executor; a new one where the last is broken.
    killed : type
        What a call raises whose process died.
    width : int
        Calls under way at once.
    """

    open: Callable[[], Executor]
    killed: type[Exception]
    width: int


def _open_pool(stack: ExitStack, backend: str, address: str | None, jobs: int) -> _Pool:
    if backend not in BACKENDS:
        raise UnknownNameError("backend", backend, BACKENDS)
    if backend == "dask":
        return _open_dask(stack, address, jobs)
    if address is not None:
        raise ConfigError(f"backend {backend!r} has no address; use dask, or leave it out.")
    loky = import_module("joblib.externals.loky")  # 0.1 s that one process never needs
    # Processes share the cores instead of each taking all of them.
    threads = str(max(1, available_cores() // jobs))
    environment = dict.fromkeys(_THREAD_VARIABLES, threads)
    return _Pool(
        partial(loky.get_reusable_executor, max_workers=jobs, env=environment),
        loky.process_executor.BrokenProcessPool,
        jobs,
    )


def _open_dask(stack: ExitStack, address: str | None, jobs: int) -> _Pool:
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
    width = max(jobs, sum(client.ncores().values()))
    return _Pool(client.get_executor, distributed.KilledWorker, width)


@dataclass
class _Spread(Generic[Result]):
    """Calls spread over a pool, a few under way at a time."""

    guarded: _Guarded[Result]
    pool: _Pool

    def over(self, planet_ids: Iterable[int]) -> Iterator[_Told[Result]]:
        """Answer every planet, in the order in which the answers come."""
        waiting = enumerate(planet_ids)
        running: dict[Future[_Told[Result]], tuple[int, int]] = {}
        suspects: list[tuple[int, int]] = []
        try:
            while True:
                if not suspects:
                    running |= self._fill(waiting, self.pool.width - len(running))
                if not running:
                    if not suspects:
                        return
                    yield self._alone(*suspects.pop(0))
                    continue
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    call = running.pop(future)
                    try:
                        yield future.result()
                    except self.pool.killed:  # any that ran beside it may be to blame
                        suspects.append(call)
        finally:
            for future in running:
                future.cancel()

    def _fill(
        self, waiting: Iterator[tuple[int, int]], room: int
    ) -> dict[Future[_Told[Result]], tuple[int, int]]:
        """Start the next calls."""
        calls = islice(waiting, room)
        return {self.pool.open().submit(self.guarded, *call): call for call in calls}

    def _alone(self, position: int, planet_id: int) -> _Told[Result]:
        """Try a planet once more whose process died, while nothing else runs."""
        log.warning("planet %s: its process was killed; it is tried once more, alone", planet_id)
        try:
            return self.pool.open().submit(self.guarded, position, planet_id).result()
        except self.pool.killed:
            return position, planet_id, PlanetFailure(planet_id, "KilledWorker", KILLED)
