"""Where compiled kernels are kept, and what the switch refuses."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ariel_kit.core.accelerate import CACHE_VARIABLE, kernel, parallel_kernel
from ariel_kit.core.errors import UnknownNameError

ROOT = Path(__file__).parents[2]
MODULE = """
import numpy as np
from numba import prange
from ariel_kit.core.accelerate import kernel, parallel_kernel

@kernel
def double(values):
    for i in range(len(values)):
        values[i] *= 2

@parallel_kernel
def triple(values):
    for i in prange(len(values)):
        values[i] *= 3

values = np.arange(3.0)
double(values)
triple(values)
print(values.tolist(), sum(double.stats.cache_hits.values()))
"""


def run_module(folder: Path, **environment: str) -> tuple[str, str]:
    """Output and log of a process whose kernels stand in `folder`, without a cache of the user."""
    (folder / "loops.py").write_text(MODULE)
    nowhere = folder / "a_file"
    nowhere.touch()
    where = {"HOME": str(nowhere), "XDG_CACHE_HOME": str(nowhere), "PYTHONPATH": str(ROOT)}
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("NUMBA", "ARIEL_KIT"))}
    done = subprocess.run(
        [sys.executable, "-c", "import loops"],
        cwd=folder,
        env={**kept, "TMPDIR": str(folder), **where, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip(), done.stderr


def compiled_files(folder: Path) -> list[Path]:
    return [*folder.rglob("*.nbi"), *folder.rglob("*.nbc")]


def test_compiled_code_is_kept_beside_the_kernel_and_found_again(tmp_path: Path) -> None:
    assert run_module(tmp_path) == ("[0.0, 6.0, 12.0] 0", "")
    assert compiled_files(tmp_path / "__pycache__")
    assert run_module(tmp_path) == ("[0.0, 6.0, 12.0] 1", "")


def test_a_folder_that_cannot_be_written_is_told_once_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "__pycache__").touch()  # a file: not even root can write in it
    printed, log = run_module(tmp_path)
    assert printed == "[0.0, 6.0, 12.0] 0"
    assert log.count("Set NUMBA_CACHE_DIR") == 1
    assert list(tmp_path.glob("ariel_kit_kernels_*")) == []


def test_numbas_own_variable_chooses_the_folder(tmp_path: Path) -> None:
    (tmp_path / "__pycache__").touch()
    chosen = tmp_path / "chosen"
    assert run_module(tmp_path, NUMBA_CACHE_DIR=str(chosen)) == ("[0.0, 6.0, 12.0] 0", "")
    assert compiled_files(chosen)


def test_switched_off_nothing_is_written(tmp_path: Path) -> None:
    assert run_module(tmp_path, **{CACHE_VARIABLE: "off"}) == ("[0.0, 6.0, 12.0] 0", "")
    assert compiled_files(tmp_path) == []


@pytest.mark.parametrize("decorate", [kernel, parallel_kernel])
def test_an_unknown_value_is_refused(decorate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, "no")
    message = "Unknown value of the variable ARIEL_KIT_KERNEL_CACHE 'no'.*Known: off, on"
    with pytest.raises(UnknownNameError, match=message):
        decorate(np.sum)
