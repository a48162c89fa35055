"""The same answers, in the same order, however many workers there are."""

from __future__ import annotations

import os
import signal
import time
from functools import partial
from pathlib import Path

import pytest

from ariel_kit.core.errors import ConfigError, DataFileError, DiskError, UnknownNameError
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


def kill_the_worker_of_three(planet: int) -> int:
    if planet == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.2)  # so that others run beside the one that is killed
    return planet * planet


def killed_once(folder: Path, planet: int) -> int:
    mark = folder / "killed"
    if planet == 3 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGTERM)
    return planet * planet


def full_disk(planet: int) -> int:
    raise DiskError("/out/x.npz cannot be written: No space left on device.")


WORKERS = [(1, None), (2, "loky")]


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
def test_an_error_that_nobody_foresaw_is_its_planets_failure_with_a_line_to_report(n_jobs, backend):
    first, second = map_planets((1).__floordiv__, [1, 0], n_jobs=n_jobs, backend=backend)
    assert (first, second.planet_id, second.error) == (1, 0, "ZeroDivisionError")
    assert "integer division or modulo by zero (pool.py, line" in second.reason
    assert second.reason.endswith("; please report this line with the planet.")


@pytest.mark.parametrize(("n_jobs", "backend"), WORKERS)
def test_a_full_disk_is_no_planets_failure(n_jobs, backend):
    with pytest.raises(DiskError, match="No space left on device"):
        map_planets(full_disk, [1, 2, 3], n_jobs=n_jobs, backend=backend)


def test_a_killed_worker_costs_its_planet_alone():
    answers = map_planets(kill_the_worker_of_three, [1, 2, 3, 4, 5, 6], n_jobs=2)
    assert [a for a in answers if not isinstance(a, PlanetFailure)] == [1, 4, 16, 25, 36]
    assert (answers[2].planet_id, answers[2].error) == (3, "KilledWorker")
    assert "it was killed twice" in answers[2].reason


def test_a_planet_whose_worker_was_killed_by_chance_is_tried_once_more(tmp_path, caplog):
    answers = map_planets(partial(killed_once, tmp_path), [1, 2, 3, 4], n_jobs=2)
    assert answers == [1, 4, 9, 16]
    assert "planet 3: its process was killed; it is tried once more, alone" in caplog.text


def test_processes_are_processes_and_share_the_cores():
    numbers = map_planets(process_number, range(4), n_jobs=2)
    assert os.getpid() not in numbers
    assert len(set(numbers)) == 2
    threads = {int(n) for n in map_planets(numba_threads, [1, 2], n_jobs=2)}
    assert threads == {max(1, len(os.sched_getaffinity(0)) // 2)}


def test_no_planets_is_fine():
    assert map_planets(slow_first, []) == []
    assert map_planets(slow_first, [], n_jobs=2, backend="loky") == []


def test_wrong_requests_say_what_to_do(monkeypatch):
    with pytest.raises(UnknownNameError, match=r"Unknown backend 'lokey'\. Did you mean 'loky'"):
        map_planets(slow_first, [1], backend="lokey")
    with pytest.raises(ConfigError, match="'loky' has no address; use dask, or leave"):
        map_planets(slow_first, [1], address="tcp://head:8786")
    with pytest.raises(ConfigError, match="n_jobs must be a positive number, or -1"):
        map_planets(slow_first, [1], n_jobs=0)
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(ConfigError, match=r"needs the package distributed.*ariel-kit\[cluster\]"):
        map_planets(slow_first, [1], backend="dask")


@pytest.fixture(scope="module")
def cluster():
    """A real scheduler on the loopback, with two worker processes."""
    distributed = pytest.importorskip("distributed", reason="the cluster extra is not installed")
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True}
    with distributed.LocalCluster(**options, dashboard_address=None) as running:
        yield running.scheduler_address


def test_a_cluster_gives_the_same_answers_and_loses_only_the_planet_of_a_killed_worker(cluster):
    there = {"backend": "dask", "address": cluster}
    assert map_planets(slow_first, [3, 1, 2, 8], **there) == [9, 1, 4, 64]
    answers = map_planets(kill_the_worker_of_three, [1, 2, 3, 4], **there)
    assert [a for a in answers if not isinstance(a, PlanetFailure)] == [1, 4, 16]
    assert answers[2].error == "KilledWorker"


def test_a_scheduler_that_does_not_answer_is_one_sentence_within_ten_seconds():
    pytest.importorskip("distributed", reason="the cluster extra is not installed")
    start = time.monotonic()
    with pytest.raises(ConfigError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9 "):
        map_planets(slow_first, [1], backend="dask", address="tcp://127.0.0.1:9")
    assert time.monotonic() - start < 15
