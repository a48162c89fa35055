"""What a planet costs from raw frames to the submission, alone and beside a busy process.

    pytest -m benchmark -s tests/benchmarks/test_bench.py

The planets are simulated at full size; kernels are compiled and the files are in the page cache.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ariel_kit.bench import StageCosts, measure_growth, measure_stages
from ariel_kit.bench.memory import measured
from ariel_kit.data.dataset import Dataset, open_dataset
from ariel_kit.pipeline import run_pipeline
from ariel_kit.run import line
from ariel_kit.simulation import simulate_dataset

pytestmark = pytest.mark.benchmark

PLANETS = 4
OVER_READING = 1.5
SECONDS_PER_PLANET = 0.75
BESIDE_BUSY = 2.0
QUICK_SECONDS = 0.05
KILOBYTES_PER_PLANET = 50.0


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("raw")
    return open_dataset(simulate_dataset(folder, n_train=0, n_test=PLANETS, seed=11))


@pytest.fixture(scope="module")
def costs(raw: Dataset) -> StageCosts:
    found = measure_stages(raw, "test")
    print(f"\n{found.table()}")
    return found


@contextmanager
def one_busy_process() -> Iterator[None]:
    other = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        other.kill()
        other.wait()


def test_memory_and_pace_hardly_change_with_the_planets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Peak memory of at most 2 GB and 50 kB a planet; larger runs are no slower for each planet.

    The peak rises at first by more than a planet's result, since the allocator keeps what batches
    have left. This test comes first, since the peak of a process includes what ran before it.
    """
    monkeypatch.setattr(line, "LARGEST_JOINT_FIT", 64)
    growth = measure_growth([64, 128, 256], tmp_path)
    print("\n" + "\n".join(one.line() for one in growth))
    for one in growth:
        assert one.megabytes <= 2000 + KILOBYTES_PER_PLANET * one.planets / 1e3
    paces = [one.planets / one.seconds for one in growth]
    assert paces[-1] > 0.8 * max(paces)


def test_calibration_takes_little_longer_than_reading(costs: StageCosts) -> None:
    assert costs.ratios["calibration over reading"] <= OVER_READING
    assert costs.ratios["recipe over calibration"] >= 20


def test_a_quick_answer_is_quick(costs: StageCosts) -> None:
    (quick,) = (stage for stage in costs.stages if stage.name == "quick answer")
    assert quick.seconds <= QUICK_SECONDS


def test_a_run_is_fast_alone_and_beside_a_busy_process(
    costs: StageCosts, raw: Dataset, tmp_path: Path
) -> None:
    assert costs.whole.seconds <= SECONDS_PER_PLANET
    with one_busy_process(), measured() as beside:
        run_pipeline(raw.root, tmp_path)
    print(f"\nbeside a busy process {beside.seconds / PLANETS:.2f} s a planet")
    assert beside.seconds / PLANETS <= BESIDE_BUSY * SECONDS_PER_PLANET
