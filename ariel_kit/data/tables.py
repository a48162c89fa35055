"""Read the challenge's CSV tables; an error names the table by its path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, Union

import polars as pl

from ariel_kit.core.errors import DataFileError, SubmissionError, did_you_mean, shortened
from ariel_kit.core.words import listed

if TYPE_CHECKING:
    import pandas as pd

Table: TypeAlias = Union[pl.DataFrame, "pd.DataFrame", str, Path]
"""A table of planets: of polars, of pandas, or the path of a CSV file."""

LARGEST_ID = 2.0**63
GZIP = b"\x1f\x8b"
"""First bytes of a file that gzip has packed."""
READ_ERRORS = (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException)
"""What polars raises when it cannot read a file. A damaged page of parquet may make its threads
panic, which is no `Exception`."""


def read_planets(table: Table) -> pl.DataFrame:
    """Read a table of planets; ids that were written as floats become integers.

    Parameters
    ----------
    table : path, polars.DataFrame or pandas.DataFrame

    Raises
    ------
    DataFileError
        If the table has no ids, or they are no whole numbers, or one repeats.
    """
    where, found = name_of(table), as_polars(table)
    require_columns(where, found.columns, ["planet_id"])
    ids = found["planet_id"]
    if not are_whole_numbers(ids) or ids.is_duplicated().any():
        raise DataFileError(
            f"{where} must hold one row per planet; its planet_id must be whole numbers, none "
            "missing and none twice. Correct the table."
        )
    return found.with_columns(ids.cast(pl.Int64))


def name_of(table: Table, otherwise: str = "the table") -> str:
    """Name a table in a message: by its path where it has one."""
    return str(table) if isinstance(table, str | Path) else otherwise


def are_whole_numbers(column: pl.Series) -> bool:
    """Check that all values are whole numbers of at most 64 bits, as integers or as floats.

    >>> are_whole_numbers(pl.Series([7.0, 8.0])), are_whole_numbers(pl.Series([7.5, None]))
    (True, False)
    """
    if column.is_empty():
        return True
    if column.null_count() or not column.dtype.is_numeric():
        return False
    values = column.cast(pl.Float64)
    return bool(((values % 1 == 0) & (values.abs() < LARGEST_ID)).all())


def whole_number(value: object, where: str) -> int:
    """Read a whole number out of a cell, or raise `DataFileError`.

    >>> whole_number("7", "the star"), whole_number(7.0, "the star")
    (7, 7)
    """
    number = pl.Series([value]).cast(pl.Float64, strict=False)
    if not are_whole_numbers(number):
        raise DataFileError(f"{where} must be a whole number; got {value!r}. Correct the table.")
    return int(number[0])


def read_csv(path: str | Path) -> pl.DataFrame:
    """Read a table, or say which file could not be read."""
    if not Path(path).is_file():
        found = "is a folder" if Path(path).is_dir() else "is missing"
        raise DataFileError(f"{path} {found}: name a CSV table that is there.")
    try:
        with Path(path).open("rb") as file:  # polars takes a path for a pattern
            if file.read(len(GZIP)) == GZIP:
                raise DataFileError(f"{path} is packed with gzip; unpack it to a CSV table.")
            file.seek(0)
            return pl.read_csv(file, infer_schema_length=None)
    except READ_ERRORS as error:
        if isinstance(error, DataFileError):
            raise
        raise DataFileError(
            f"{path} cannot be read as a CSV table: {first_sentence(error)}."
        ) from error


def first_sentence(error: BaseException) -> str:
    """Give what polars says of a file, without its advice to those who call polars.

    >>> first_sentence(ValueError("no field `a`.\\n\\nConsider `glob`"))
    'no field `a`'
    """
    return shortened(str(error).strip().partition("\n")[0].rstrip(".:"))


def as_polars(table: Table) -> pl.DataFrame:
    """Give a table as polars has it; a named index of pandas becomes columns.

    Parameters
    ----------
    table : path, polars.DataFrame or pandas.DataFrame

    Raises
    ------
    DataFileError
        If a file cannot be read.
    SubmissionError
        If columns of pandas hold values of several kinds.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"planet_id": [7, 8], "wl_1": [0.1, 0.2]}).set_index("planet_id")
    >>> as_polars(frame).columns
    ['planet_id', 'wl_1']
    """
    if isinstance(table, str | Path):
        return read_csv(table)
    if isinstance(table, pl.DataFrame):
        return table
    named = [name for name in table.index.names if name is not None]
    try:
        return pl.from_pandas(table.reset_index() if named else table)
    except (ValueError, TypeError) as error:
        raise SubmissionError(
            f"every column of a table must hold values of one kind, and no name twice: {error}."
        ) from error


def check_pixel_columns(where: str | Path, found: Sequence[str]) -> None:
    """Raise `DataFileError` unless the columns of a detector are ``column_0``, ``column_1``, ...

    >>> check_pixel_columns("dark.parquet", ["column_0", "column_1"])
    """
    wrong = [place for place, name in enumerate(found) if name != f"column_{place}"]
    if wrong:
        raise DataFileError(
            f"{where} must have the columns column_0, column_1, ... in this order; column "
            f"{wrong[0] + 1} is {shortened(found[wrong[0]])!r}. Download the file again."
        )


def require_columns(
    where: str | Path, found: Sequence[str] | Mapping[str, float], wanted: Sequence[str]
) -> None:
    """Raise `DataFileError` unless all columns are there; a near name is suggested."""
    missing = [column for column in wanted if column not in found]
    if missing:
        strange = [column for column in found if column not in wanted]
        raise DataFileError(
            f"{where} lacks the column(s) {listed(missing, 5)}."
            f"{did_you_mean(missing[0], strange)} Correct the table."
        )


def refuse_sigmas(where: str, columns: Sequence[str]) -> None:
    """Raise `DataFileError` for a submission, which has sigmas, in the place of true spectra."""
    if "sigma_1" in columns:
        raise DataFileError(
            f"{where} must hold true spectra; it has sigmas, so it is a submission. Name the table "
            "of labels."
        )
