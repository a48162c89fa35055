"""Reads the challenge's CSV tables and says what is wrong with one, by its path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from ariel_kit.core.errors import DataFileError, did_you_mean


def read_planets(path: str | Path) -> pl.DataFrame:
    """Read a table of planets; ids that were written as floats become integers.

    Raises
    ------
    DataFileError
        If the table has no ids, or they are no whole numbers, or one repeats.
    """
    table = read_csv(path)
    require_columns(path, table.columns, ["planet_id"])
    ids = table["planet_id"]
    if not are_whole_numbers(ids) or ids.is_duplicated().any():
        raise DataFileError(
            f"{path} must hold one row per planet; its planet_id must be whole numbers, none "
            "missing and none twice. Correct the table."
        )
    return table.with_columns(ids.cast(pl.Int64))


def are_whole_numbers(column: pl.Series) -> bool:
    """Whether all values are whole numbers, as integers or as floats.

    >>> are_whole_numbers(pl.Series([7.0, 8.0])), are_whole_numbers(pl.Series([7.5, None]))
    (True, False)
    """
    if column.is_empty():
        return True
    if column.null_count() or not column.dtype.is_numeric():
        return False
    return bool((column.cast(pl.Float64) % 1 == 0).all())


def read_csv(path: str | Path) -> pl.DataFrame:
    """Read a table, or say which file could not be read."""
    if not Path(path).exists():
        raise DataFileError(f"{path} is missing: name a CSV table that is there.")
    try:
        return pl.read_csv(path, infer_schema_length=None)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataFileError(f"{path} cannot be read as a CSV table: {error}") from error


def require_columns(
    where: str | Path, found: Sequence[str] | Mapping[str, float], wanted: Sequence[str]
) -> None:
    """Raise `DataFileError` unless all columns are there; a near name is suggested."""
    missing = [column for column in wanted if column not in found]
    if missing:
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        strange = [column for column in found if column not in wanted]
        raise DataFileError(
            f"{where} lacks the column(s) {', '.join(missing[:5])}{more}."
            f"{did_you_mean(missing[0], strange)} Correct the table."
        )
