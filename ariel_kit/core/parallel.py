"""Planets over the cores of one machine, or over a cluster, with the same call."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Generic, TypeVar

from ariel_kit.core.errors import ArielKitError, ConfigError, UnknownNameError
from ariel_kit.core.runtime import available_cores, progress, resolve_jobs

log = logging.getLogger(__name__)

Result = TypeVar("Result")

BACKENDS = ("loky", "threading", "dask", "ray")
_MODULE = {"dask": "dask.distributed", "ray": "ray"}


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

    def __str__(self) -> str:
        return f"planet {self.planet_id}: {self.error}: {self.reason}"


@dataclass(frozen=True)
class _Guarded(Generic[Result]):
    """The stage with its deliberate errors turned into values; anything else is a bug and rises."""

    function: Callable[[int], Result]

    def __call__(self, position: int, planet_id: int) -> tuple[int, int, Result | PlanetFailure]:
        try:
            return position, planet_id, self.function(planet_id)
        except ArielKitError as error:
            failure = PlanetFailure(planet_id, type(error).__name__, str(error))
            return position, planet_id, failure


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
    backend : {'loky', 'threading', 'dask', 'ray'}, optional
        Who runs them; loky, processes on this machine, when left out.
    address : str, optional
        Scheduler of a running Dask or Ray cluster; a local one is started when left out.
    description : str
        For the progress line.

    Returns
    -------
    list
        A result per planet, or a `PlanetFailure` where an `ArielKitError` was raised.

    Raises
    ------
    UnknownNameError
        If the backend is unknown.
    ConfigError
        If its package is not installed, or an address is given to a backend that has none.

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
            answers: Iterable[Any] = (guarded(i, planet) for i, planet in enumerate(planet_ids))
        else:
            answers = _start(stack, guarded, planet_ids, jobs, backend or "loky", address)
        yield from progress(answers, total=total, description=description)


def _start(
    stack: ExitStack,
    guarded: _Guarded,
    planet_ids: Iterable[int],
    jobs: int,
    backend: str,
    address: str | None,
) -> Iterable[Any]:
    import joblib  # 0.1 s that one process never needs

    if backend not in BACKENDS:
        raise UnknownNameError("backend", backend, BACKENDS)
    if address is not None and backend not in _MODULE:
        raise ConfigError(f"backend {backend!r} has no address; use dask or ray, or leave it out.")
    options: dict[str, Any] = {}
    if backend in _MODULE:
        _connect(stack, backend, address)
    elif backend == "loky":
        # Processes share the cores instead of each taking all of them.
        options["inner_max_num_threads"] = max(1, available_cores() // jobs)
    stack.enter_context(joblib.parallel_config(backend=backend, n_jobs=jobs, **options))
    calls = (joblib.delayed(guarded)(i, planet) for i, planet in enumerate(planet_ids))
    answers: Iterable[Any] = joblib.Parallel(return_as="generator_unordered")(calls)
    return answers


def _connect(stack: ExitStack, backend: str, address: str | None) -> None:
    try:
        module = import_module(_MODULE[backend])
    except ImportError as error:
        raise ConfigError(
            f"backend {backend!r} needs the package {backend}; "
            'install it with: pip install "ariel-kit[cluster]".'
        ) from error
    if backend == "dask":
        stack.enter_context(module.Client(address))
        return
    from ray.util.joblib import register_ray

    module.init(address=address, ignore_reinit_error=True)
    stack.callback(module.shutdown)
    register_ray()
