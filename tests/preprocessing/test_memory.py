"""Peak memory of a process that calibrates one full-size planet."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ariel_kit.simulation import simulate_dataset

pytestmark = [
    pytest.mark.numbers,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc"),
]

CALIBRATE = """
import sys
from pathlib import Path
from ariel_kit.core.config import CalibrationSettings
from ariel_kit.data.dataset import open_dataset
from ariel_kit.preprocessing import calibrate_planet
dataset = open_dataset(sys.argv[1])
for _ in range(3):
    calibrate_planet(
        dataset, dataset.planets("train")[0], settings=CalibrationSettings(memory=sys.argv[2])
    )
status = Path("/proc/self/status").read_text()  # getrusage would count the parent's peak as well
print(int(status.split("VmHWM:")[1].split()[0]) / 1024)
"""


@pytest.fixture(scope="module")
def full_size(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulate_dataset(tmp_path_factory.mktemp("full"), n_train=1, n_test=0, seed=12)


@pytest.mark.parametrize(("mode", "limit"), [("normal", 1300), ("tight", 700)])
def test_peak_memory(full_size: Path, mode: str, limit: int) -> None:
    command = [sys.executable, "-c", CALIBRATE, str(full_size), mode]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    megabytes = float(done.stdout)
    print(f"{mode}: {megabytes:.0f} MB")
    assert megabytes < limit
