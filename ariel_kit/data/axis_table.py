"""The table of axes: when each frame of the observations was taken."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import polars as pl

from ariel_kit.core.errors import DataFileError
from ariel_kit.core.instruments import INSTRUMENTS
from ariel_kit.data.tables import READ_ERRORS, first_sentence

AXIS_TABLE = "axis_info.parquet"


def read_axis_pairs(root: Path) -> dict[str, int]:
    """Count the pairs of frames of each instrument that the table of a data folder lists.

    Parameters
    ----------
    root : Path

    Returns
    -------
    dict of str to int
        By the instrument's name; empty where the folder has no such table.

    Raises
    ------
    DataFileError
        If the file is damaged.
    """
    path = root / AXIS_TABLE
    return dict(_count(path, path.stat().st_mtime_ns)) if path.is_file() else {}


@lru_cache(maxsize=8)
def _count(path: Path, _changed: int) -> tuple[tuple[str, int], ...]:
    """Count once for all planets of a folder, and again when the file has changed."""
    columns = {name: f"{name}-axis0-h" for name in INSTRUMENTS}
    try:
        with path.open("rb") as file:  # polars takes a path for a pattern
            table = pl.read_parquet(file)
    except READ_ERRORS as error:
        raise DataFileError(
            f"{path} cannot be read as parquet: {first_sentence(error)}. Download the file again."
        ) from error
    return tuple(
        (name, (len(table) - table[column].null_count()) // 2)
        for name, column in columns.items()
        if column in table.columns
    )
