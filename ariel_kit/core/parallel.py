"""Call a function on every planet, in processes of one machine or of a Dask cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ariel_kit.core.pool import Failure, Pool, open_pool

Result = TypeVar("Result")


@dataclass(frozen=True)
class PlanetFailure:
    """A planet that a stage could not process, with the reason.

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
    n_jobs, backend, address
        As in `open_pool`.
    description : str
        For the progress line.

    Returns
    -------
    list
        A result per planet, or a `PlanetFailure` where an error was raised or a process died.

    Raises
    ------
    UnknownNameError, ConfigError
        As `open_pool` does.
    DiskError
        If a result could not be written.

    Examples
    --------
    >>> map_planets(lambda planet: planet + 1, [3, 4])
    [4, 5]
    """
    with open_pool(n_jobs, backend, address) as pool:
        answers = iter_planets(
            function, planet_ids, total=len(planet_ids), pool=pool, description=description
        )
        found = {position: answer for position, _, answer in answers}
    return [found[position] for position in range(len(planet_ids))]


def iter_planets(
    function: Callable[[int], Result],
    planet_ids: Iterable[int],
    *,
    total: int,
    pool: Pool,
    description: str = "planets",
) -> Iterator[tuple[int, int, Result | PlanetFailure]]:
    """Call as `map_planets` does, and give each answer as soon as it is there.

    Parameters
    ----------
    function, planet_ids, total, description
        As in `Pool.answers`.
    pool : Pool

    Yields
    ------
    position : int
        Place in `planet_ids`.
    planet_id : int
    answer : object
        The result, or a `PlanetFailure`.

    Examples
    --------
    >>> list(iter_planets(lambda planet: planet + 1, iter([3, 4]), total=2, pool=Pool()))
    [(0, 3, 4), (1, 4, 5)]
    """
    answers = pool.answers(function, planet_ids, total=total, description=description)
    for position, planet, answer in answers:
        if isinstance(answer, Failure):
            yield position, planet, PlanetFailure(planet, answer.error, answer.reason)
        else:
            yield position, planet, answer
