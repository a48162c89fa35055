"""A small world to be damaged: micro planets that share files, and what a run of them says."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from ariel_kit.cli import main

WHITE = ["--set", "extraction.extractor=white", "--set", "stages.jitter=false"]


def linked(source: Path, target: Path) -> Path:
    """Copy a folder by links; who damages a file there has to put a new one in its place."""
    return Path(shutil.copytree(source, target, copy_function=os.link))


def replace_file(path: Path, content: bytes) -> None:
    """Put other content in the place of a file that may be linked elsewhere."""
    path.unlink(missing_ok=True)
    path.write_bytes(content)


def rewrite(path: Path, change: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
    """Change a table of parquet or CSV."""
    csv = path.suffix == ".csv"
    table = change((pl.read_csv if csv else pl.read_parquet)(path, glob=False))
    path.unlink()
    (table.write_csv if csv else table.write_parquet)(path)


def rewrite_frames(path: Path, change: Callable[[np.ndarray], None]) -> None:
    """Change raw frames in place [shape=(pixel, frame), dtype=uint16]."""

    def changed(table: pl.DataFrame) -> pl.DataFrame:
        frames = np.ascontiguousarray(table.to_numpy().T)
        change(frames)
        return pl.DataFrame(list(map(pl.Series, table.columns, frames)))

    rewrite(path, changed)


@dataclass(frozen=True)
class Told:
    """What a verb said.

    Attributes
    ----------
    code : int
    out, err : str
    """

    code: int
    out: str
    err: str

    @property
    def sentence(self) -> str:
        """The one line by which a mistake is told."""
        told = [line for line in self.err.splitlines() if line.startswith("ariel-kit: ")]
        assert "Traceback" not in self.err
        assert len(told) == 1, self.err
        return told[0]


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Callable[..., Told]:
    """Call a verb and catch all it says."""

    def call(*arguments: object) -> Told:
        capsys.readouterr()
        code = main(["--log-level", "warning", *map(str, arguments)])
        return Told(code, *capsys.readouterr())

    return call


def read_record(output: Path) -> dict[str, Any]:
    """Read what a run left about itself."""
    return dict(json.loads((output / "run.json").read_text(encoding="utf-8")))


def read_rows(output: Path) -> dict[int, str]:
    """Read the bytes of each planet's row of a submission."""
    lines = (output / "submission.csv").read_text(encoding="utf-8").splitlines()[1:]
    return {int(line.partition(",")[0]): line for line in lines}
