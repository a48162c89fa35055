"""The same answers, in the same order, however many workers there are."""

from __future__ import annotations

import os
import time

import pytest

from ariel_kit.core.errors import ConfigError, DataFileError, UnknownNameError
from ariel_kit.core.parallel import PlanetFailure, map_planets


def slow_first(planet: int) -> int:
    """The first planets take longest, so that answers arrive out of order."""
    time.sleep(0.02 * (4 - planet) if planet < 4 else 0)
    return planet * planet


def some_unreadable(planet: int) -> int:
    if planet == 2:
        raise DataFileError("/data/2/dark.parquet is missing")
    if planet == 3:
        raise UnknownNameError("planet", "3", ["1", "2"])
    return planet


def process_number(planet: int) -> int:
    time.sleep(0.1)
    return os.getpid()


def numba_threads(planet: int) -> str:
    return os.environ["NUMBA_NUM_THREADS"]


WORKERS = [(1, None), (2, "threading"), (2, "loky")]


@pytest.mark.parametrize(("n_jobs", "backend"), WORKERS)
def test_answers_come_in_the_order_of_the_planets(n_jobs, backend):
    planets = [3, 1, 2, 8, 0]
    answers = map_planets(slow_first, planets, n_jobs=n_jobs, backend=backend)
    assert answers == [planet * planet for planet in planets]


@pytest.mark.parametrize(("n_jobs", "backend"), WORKERS)
def test_deliberate_errors_become_failures_and_the_rest_goes_on(n_jobs, backend):
    answers = map_planets(some_unreadable, [1, 2, 3, 4], n_jobs=n_jobs, backend=backend)
    assert answers[0] == 1
    assert answers[3] == 4
    assert answers[1] == PlanetFailure(2, "DataFileError", "/data/2/dark.parquet is missing")
    assert answers[2].error == "UnknownNameError"
    assert str(answers[1]) == "planet 2: DataFileError: /data/2/dark.parquet is missing"


@pytest.mark.parametrize(("n_jobs", "backend"), WORKERS)
def test_a_bug_is_not_swallowed(n_jobs, backend):
    with pytest.raises(ZeroDivisionError):
        map_planets((1).__floordiv__, [1, 0], n_jobs=n_jobs, backend=backend)


def test_processes_are_processes_and_share_the_cores():
    numbers = map_planets(process_number, range(4), n_jobs=2)
    assert os.getpid() not in numbers
    assert len(set(numbers)) == 2
    threads = {int(n) for n in map_planets(numba_threads, [1, 2], n_jobs=2)}
    assert threads == {max(1, len(os.sched_getaffinity(0)) // 2)}


def test_no_planets_is_fine():
    assert map_planets(slow_first, []) == []
    assert map_planets(slow_first, [], n_jobs=2, backend="threading") == []


def test_wrong_requests_say_what_to_do(monkeypatch):
    with pytest.raises(UnknownNameError, match=r"Unknown backend 'lokey'\. Did you mean 'loky'"):
        map_planets(slow_first, [1], backend="lokey")
    with pytest.raises(ConfigError, match="backend 'loky' has no address; use dask or ray"):
        map_planets(slow_first, [1], address="tcp://head:8786")
    with pytest.raises(ConfigError, match="n_jobs must be a positive number, or -1"):
        map_planets(slow_first, [1], n_jobs=0)
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(ConfigError, match=r"needs the package ray.*ariel-kit\[cluster\]"):
        map_planets(slow_first, [1], backend="ray")


@pytest.mark.filterwarnings("ignore:.*apply_async:DeprecationWarning")
def test_dask_runs_the_same_call():
    pytest.importorskip("distributed", reason="the cluster extra is not installed")
    assert map_planets(slow_first, [3, 1, 2], n_jobs=2, backend="dask") == [9, 1, 4]


def test_ray_runs_the_same_call():
    pytest.importorskip("ray", reason="the cluster extra is not installed")
    assert map_planets(slow_first, [3, 1, 2], n_jobs=2, backend="ray") == [9, 1, 4]
