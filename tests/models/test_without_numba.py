"""Networks are built on machines without numba, polars and pyarrow."""

from __future__ import annotations

import subprocess
import sys

import pytest

HIDE = "import sys; sys.modules.update(dict.fromkeys(['numba', 'polars', 'pyarrow', 'pandas']))"


@pytest.mark.parametrize(
    "module",
    [
        "jitter_correction.tcn_jnet",
        "denoising.physnet",
        "denoising.ti_mae",
        "spectral_extraction.resnet1d",
    ],
)
def test_a_network_is_imported_without_them(module: str) -> None:
    code = f"{HIDE}; import ariel_kit.{module}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
