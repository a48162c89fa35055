"""Read folders in the layout of the Ariel Data Challenge, 2024 and 2025 editions.

Labels are read by `read_labels` into an object of their own: nothing that predicts can reach them
through a `Dataset`.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl

from ariel_kit.core.editions import EDITIONS, Edition
from ariel_kit.core.errors import ConfigError, DataFileError, UnknownNameError
from ariel_kit.core.instruments import INSTRUMENTS, N_WAVELENGTHS, Instrument
from ariel_kit.core.star_info import StarInfo
from ariel_kit.core.words import counted
from ariel_kit.data.calibration_maps import Calibration, read_calibration
from ariel_kit.data.converter import Adc
from ariel_kit.data.tables import (
    Table,
    name_of,
    read_csv,
    read_planets,
    refuse_sigmas,
    require_columns,
    whole_number,
)

log = logging.getLogger(__name__)

LABEL_COLUMNS = [f"wl_{i}" for i in range(1, N_WAVELENGTHS + 1)]
SIGMA_COLUMNS = [f"sigma_{i}" for i in range(1, N_WAVELENGTHS + 1)]
ADC_COLUMNS = [f"{name}_adc_{field}" for name in INSTRUMENTS for field in ("offset", "gain")]
SPLITS = ("train", "test")


@dataclass(frozen=True)
class Labels:
    """True spectra.

    Attributes
    ----------
    planet_ids : ndarray [shape=(planet,), dtype=int64]
    depths : ndarray [shape=(planet, 283), dtype=float64]
    """

    planet_ids: np.ndarray
    depths: np.ndarray

    def __repr__(self) -> str:
        return f"Labels({counted(len(self.planet_ids), 'planet')})"

    def of(self, planet_ids: Sequence[int] | np.ndarray) -> np.ndarray:
        """Look up the depths of `planet_ids`, in that order [shape=(planet, 283), dtype=float64].

        Raises
        ------
        UnknownNameError
            If a planet has no label.
        """
        row = {int(planet): i for i, planet in enumerate(self.planet_ids)}
        missing = [planet for planet in planet_ids if int(planet) not in row]
        if missing:
            raise UnknownNameError("labelled planet", str(missing[0]), map(str, row))
        return self.depths[[row[int(planet)] for planet in planet_ids]]


def open_dataset(path: str | Path) -> Dataset:
    """Open a folder in the challenge's layout; the edition is recognised by its files.

    Parameters
    ----------
    path : str or Path
        The folder that holds ``train_adc_info.csv`` (2024) or ``adc_info.csv`` (2025).

    Returns
    -------
    Dataset

    Raises
    ------
    DataFileError
        If the folder is in neither layout.

    Examples
    --------
    >>> from ariel_kit.simulation import draw_planets, write_tables
    >>> folder = getfixture("tmp_path")
    >>> write_tables(folder, train=[], test=draw_planets(2, seed=3))
    >>> dataset = open_dataset(folder)
    >>> dataset.edition.year, len(dataset.planets("test"))
    (2024, 2)
    """
    root = Path(path)
    for edition in EDITIONS:
        if any(path.is_file() for path in root.glob(edition.marker)):
            return Dataset(root, edition)
    raise DataFileError(
        f"{root} is not a challenge folder: it must hold train_adc_info.csv or test_adc_info.csv "
        "(2024) or adc_info.csv (2025). Give the folder that holds these files."
    )


def open_split(path: str | Path, split: str, *, output_dir: str | Path) -> Dataset:
    """Open a folder for work on all planets of a split, and check it before the first of them.

    Parameters
    ----------
    path : str or Path
    split : str
    output_dir : str or Path
        Where results are written; it may not be the folder itself, nor lie among its planets.

    Returns
    -------
    Dataset

    Raises
    ------
    ConfigError
        If work would be written among the data.
    DataFileError
        As `open_dataset` and `Dataset.check`.
    """
    dataset = open_dataset(path)
    output, root = Path(output_dir).resolve(), dataset.root.resolve()
    if output == root or any(output.is_relative_to(root / part) for part in SPLITS):
        raise ConfigError(
            f"results must not be written among the data of {dataset.root}; got {output_dir}. "
            "Name a folder of their own."
        )
    dataset.check(split)
    return dataset


@dataclass(frozen=True)
class Dataset:
    """A folder of observations. Make one with `open_dataset`."""

    root: Path
    edition: Edition

    @cached_property
    def _tables(self) -> dict[str, pl.DataFrame]:
        paths = {split: self._table_path(split) for split in SPLITS}
        return {split: read_planets(path) for split, path in paths.items() if path.is_file()}

    def _table_path(self, split: str) -> Path:
        return self.root / f"{split}_{self.edition.planet_table}.csv"

    def table(self, split: str) -> pl.DataFrame:
        """Give the planet index of a split: adc_info in 2024, star_info in 2025."""
        if split not in SPLITS:
            raise UnknownNameError("split", split, SPLITS)
        if split not in self._tables:
            raise DataFileError(
                f"{self._table_path(split)} is missing: it lists the planets of split {split}. "
                "Download it again, or name another split with --split."
            )
        return self._tables[split]

    def lists(self, split: str) -> bool:
        """Tell whether the folder has the table of a split."""
        return split in self._tables

    def check(self, split: str) -> None:
        """Refuse mistakes that would make every planet of a split fail.

        Raises
        ------
        UnknownNameError
            If there is no such split.
        DataFileError
            If one of its tables is missing or damaged, lacks a column, or lists no planet.
        """
        table, path, columns = self.table(split), self._table_path(split), [*ADC_COLUMNS, "star"]
        if self.edition.adc_table is not None:
            path, columns = self.root / self.edition.adc_table, ADC_COLUMNS
            table = read_csv(path)
            if len(table) != 1:
                raise DataFileError(f"{path} must hold one row; got {len(table)}. Correct it.")
        require_columns(path, table.columns, columns)
        if not self._count(split):
            others = [f"; {name} has {n}" for name in self._tables if (n := self._count(name))]
            raise DataFileError(
                f"there are no planets in split {split} of {self.root}{''.join(others)}. Name "
                "another split with --split, or another folder."
            )

    def _count(self, split: str) -> int:
        return min(len(self.planets(split)), len(self.submission_planets(split)))

    def planets(self, split: str) -> list[int]:
        """List the planet ids of a split, in the order of its table."""
        return self.table(split)["planet_id"].to_list()

    def submission_planets(self, split: str) -> list[int]:
        """List planet ids in the order that a submission must have."""
        path = self.root / "sample_submission.csv"
        if split == "test" and path.is_file():
            return read_planets(path)["planet_id"].to_list()
        return self.planets(split)

    def adc(self, split: str, planet_id: int, instrument: Instrument) -> Adc:
        """Look up gain and offset of the converter."""
        if self.edition.adc_table is None:
            row = self._row(split, planet_id)
        else:
            row = read_csv(self.root / self.edition.adc_table).row(0, named=True)
        columns = [f"{instrument.name}_adc_{what}" for what in ("gain", "offset")]
        require_columns(self.root, row, columns)
        table = self.edition.adc_table or self._table_path(split).name
        where = f"planet {planet_id}: {self.root / table}"
        return Adc.of(*(row[column] for column in columns), instrument=instrument, where=where)

    def star(self, split: str, planet_id: int) -> int | None:
        """Look up the star's number; None in 2025, where every star differs.

        Raises
        ------
        DataFileError
            If it is no whole number.
        """
        row = self._row(split, planet_id)
        where = f"{self._table_path(split)}: the star of planet {planet_id}"
        return whole_number(row["star"], where) if "star" in row else None

    def star_info(self, split: str, planet_id: int) -> StarInfo | None:
        """Read what the catalogue tells of a star and its planet's orbit.

        None where the edition has no catalogue, and, after a warning, where the planet's row
        cannot be that of a transiting planet: a fit then starts from the light alone.
        """
        if not self.edition.catalogue:
            return None
        try:
            return StarInfo.of(self._row(split, planet_id))
        except DataFileError as error:
            log.warning("planet %s is fitted without its star: %s", planet_id, error)
            return None

    def _row(self, split: str, planet_id: int) -> dict[str, float]:
        rows = self.table(split).filter(pl.col("planet_id") == planet_id)
        if rows.is_empty():
            raise DataFileError(
                f"planet {planet_id} is not in {self._table_path(split)}: add its row, or take "
                "it out of the planets asked for."
            )
        return rows.row(0, named=True)

    def visits(self, split: str, planet_id: int) -> int:
        """Count the visits of a planet: 1 in 2024, what the folder holds in 2025."""
        if not self.edition.visits:
            return 1
        pattern = f"{INSTRUMENTS['AIRS-CH0'].name}_signal_*.parquet"
        return max(1, len(list(self._folder(split, planet_id).glob(pattern))))

    def _folder(self, split: str, planet_id: int) -> Path:
        return self.root / split / str(planet_id)

    def _suffix(self, visit: int) -> str:
        return f"_{visit}" if self.edition.visits else ""

    def signal_path(
        self, split: str, planet_id: int, instrument: Instrument, visit: int = 0
    ) -> Path:
        """Name the file of the raw frames of a visit."""
        name = f"{instrument.name}_signal{self._suffix(visit)}.parquet"
        return self._folder(split, planet_id) / name

    def calibration_path(
        self, split: str, planet_id: int, instrument: Instrument, visit: int = 0
    ) -> Path:
        """Name the folder of a visit's calibration frames."""
        name = f"{instrument.name}_calibration{self._suffix(visit)}"
        return self._folder(split, planet_id) / name

    def read_calibration(
        self, split: str, planet_id: int, instrument: Instrument, visit: int = 0
    ) -> Calibration:
        """Read and check the calibration frames.

        Raises
        ------
        DataFileError
            If one is missing, damaged, of the wrong shape, or not finite.
        """
        return read_calibration(
            self.calibration_path(split, planet_id, instrument, visit), instrument
        )

    def read_wavelengths(self) -> np.ndarray:
        """Read the folder's own wavelength grid [shape=(283,), dtype=float64, unit=micron]."""
        path = self.root / "wavelengths.csv"
        values = read_csv(path).to_numpy()
        if values.shape != (1, N_WAVELENGTHS):
            raise DataFileError(f"{path} must hold 1 row of 283 wavelengths; got {values.shape}.")
        return np.asarray(values[0], dtype=np.float64)


def read_labels(table: Table) -> Labels:
    """Read a table of true spectra: ``planet_id, wl_1 .. wl_283``.

    Parameters
    ----------
    table : path, polars.DataFrame or pandas.DataFrame

    Raises
    ------
    DataFileError
        If columns are missing, ids are no whole numbers, depths not between 0 and 1, or the table
        is a submission.

    Examples
    --------
    >>> from ariel_kit.simulation import draw_planets, write_tables
    >>> folder = getfixture("tmp_path")
    >>> write_tables(folder, train=draw_planets(2, seed=3), test=[])
    >>> read_labels(folder / "train_labels.csv").depths.shape
    (2, 283)
    """
    where, found = name_of(table), read_planets(table)
    require_columns(where, found.columns, LABEL_COLUMNS)
    refuse_sigmas(where, found.columns)
    # What is no number becomes null here, and NaN in the array.
    depths = found.select(pl.col(LABEL_COLUMNS).cast(pl.Float64, strict=False)).to_numpy()
    if not np.isfinite(depths).all():
        raise DataFileError(
            f"{where} must hold finite depths; {np.sum(~np.isfinite(depths))} are not."
        )
    outside = np.sum((depths <= 0) | (depths >= 1))
    if outside:
        raise DataFileError(
            f"{where} must hold depths as shares of the star's light, between 0 and 1; {outside} "
            "are not. Divide a table in per cent by 100, one in ppm by a million."
        )
    return Labels(found["planet_id"].to_numpy(), depths)


def find_labels(dataset: Dataset) -> Path | None:
    """Find the training labels of a folder, if they are there."""
    path = dataset.root / dataset.edition.train_labels
    return path if path.is_file() else None
