"""The calibration frames of a planet: what they are, and how they are read and checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from ariel_kit.core.errors import DataFileError
from ariel_kit.core.instruments import Instrument
from ariel_kit.data.tables import READ_ERRORS, check_pixel_columns, first_sentence

CALIBRATION_MAPS = ("dark", "dead", "flat", "linear_corr", "read")
"""Names of the files, without ``.parquet``."""
LINEARITY_TERMS = 6
TYPICAL_ELECTRONS = 1e4
"""Level at which a linearity correction is judged; pixels in starlight reach it."""
PLAUSIBLE = {
    "dark": (-1e4, 1e4, "electrons per second"),
    "flat": (0.1, 10.0, "relative to the mean pixel"),
    "linear_corr": (0.5, 2.0, f"true electrons for each of {TYPICAL_ELECTRONS:.0f} measured ones"),
    "read": (0.0, 1e3, "electrons"),
}
"""Smallest and largest plausible median over the working pixels, and its unit. The bounds are
generous: the medians of published frames are 0.007, 1.00, 1.001 and 13."""


@dataclass(frozen=True)
class Calibration:
    """The calibration frames of one instrument and visit.

    Attributes
    ----------
    dark : ndarray [shape=(y, x), dtype=float64, unit=electron/s]
    dead : ndarray [shape=(y, x), dtype=bool]
    flat : ndarray [shape=(y, x), dtype=float64]
    linear_corr : ndarray [shape=(6, y, x), dtype=float64]
        Polynomial from measured to true electrons, constant term first.
    read : ndarray [shape=(y, x), dtype=float64, unit=electron]
        Read noise of a single read, one sigma.
    """

    dark: np.ndarray
    dead: np.ndarray
    flat: np.ndarray
    linear_corr: np.ndarray
    read: np.ndarray


def read_calibration(folder: Path, instrument: Instrument) -> Calibration:
    """Read and check the calibration frames of one instrument; see `Dataset.read_calibration`."""
    frame = (instrument.height, instrument.width)
    return Calibration(
        dark=_read_map(folder / "dark.parquet", frame),
        dead=_read_map(folder / "dead.parquet", frame).astype(bool),
        flat=_read_map(folder / "flat.parquet", frame),
        linear_corr=_read_map(folder / "linear_corr.parquet", (LINEARITY_TERMS, *frame)),
        read=_read_map(folder / "read.parquet", frame),
    )


def check_medians(folder: Path, calibration: Calibration) -> None:
    """Refuse calibration frames with an implausible median: none of their pixels can be trusted.

    Parameters
    ----------
    folder : Path
        Where they were read, for the message.
    calibration : Calibration

    Raises
    ------
    DataFileError
        If a median lies outside `PLAUSIBLE`, or no pixel works.
    """
    if calibration.dead.all():
        raise DataFileError(
            f"{folder / 'dead.parquet'} must leave working pixels; it marks all as dead. "
            "Download the file again."
        )
    working = ~calibration.dead
    terms = np.median(calibration.linear_corr[:, working], axis=1)
    medians = {
        "dark": np.median(calibration.dark[working]),
        "flat": np.median(calibration.flat[working]),
        "linear_corr": terms @ TYPICAL_ELECTRONS ** (np.arange(LINEARITY_TERMS) - 1.0),
        "read": np.median(calibration.read[working]),
    }
    for name, median in medians.items():
        least, most, unit = PLAUSIBLE[name]
        if not least <= median <= most:
            raise DataFileError(
                f"{folder / f'{name}.parquet'} must have a median between {least:g} and {most:g} "
                f"{unit}; got {median:.3g}. Download the file again."
            )


def _read_map(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    if not path.is_file():
        raise DataFileError(f"{path} is missing: a planet needs it. Download the file again.")
    try:
        with path.open("rb") as file:  # polars takes a path for a pattern
            table = pl.read_parquet(file)
    except READ_ERRORS as error:
        raise DataFileError(
            f"{path} cannot be read as parquet: {first_sentence(error)}. Download the file again."
        ) from error
    rows = int(np.prod(shape[:-1]))
    if table.shape != (rows, shape[-1]):
        raise DataFileError(f"{path} must be {rows} rows x {shape[-1]} columns; got {table.shape}.")
    check_pixel_columns(path, table.columns)
    values = table.to_numpy().reshape(shape)
    if values.dtype == object or (values.dtype.kind == "f" and not np.isfinite(values).all()):
        raise DataFileError(f"{path} must hold finite numbers; it holds NaN, infinity or nulls.")
    return values if values.dtype == bool else values.astype(np.float64)
