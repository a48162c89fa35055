"""Read raw frames fast: one contiguous uint16 time series per pixel, without a copy.

Polars keeps a parquet column contiguous, and a column is a pixel. The kernels therefore get the
memory of the columns itself, as pairs (even read, odd read) of one 32-bit word each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from ariel_kit.core.errors import DataFileError
from ariel_kit.core.instruments import Instrument
from ariel_kit.data.dataset import Dataset
from ariel_kit.data.tables import READ_ERRORS, check_pixel_columns, first_sentence

PAIR_BYTES = 4


@dataclass(frozen=True)
class Frames:
    """The raw reads of some pixels.

    Attributes
    ----------
    series : tuple of ndarray [shape=(frame,), dtype=uint16, unit=adu]
        One array per pixel that was read; they own the memory below.
    memory : ndarray [shape=(word,), dtype=uint32]
        The stretch of memory that holds all series: the low half of a word is an even read, the
        high half the odd read after it. Only the words that the offsets point to may be read.
    offsets : ndarray [shape=(pixel,), dtype=int64]
        Where in `memory` each pixel's pairs begin.
    n_pairs : int
    """

    series: tuple[np.ndarray, ...]
    memory: np.ndarray
    offsets: np.ndarray
    n_pairs: int

    def take(self, pixels: np.ndarray) -> Frames:
        """Select some of the pixels; nothing is copied."""
        return replace(self, offsets=self.offsets[pixels])


def read_frames(
    dataset: Dataset,
    split: str,
    planet_id: int,
    instrument: Instrument,
    *,
    pixels: np.ndarray,
    visit: int = 0,
) -> Frames:
    """Read the time series of some pixels of one visit.

    Both layouts are understood: one column per pixel, and one single column that holds the
    frames one after the other.

    Parameters
    ----------
    pixels : ndarray [shape=(pixel,), dtype=int64]
        Which pixels, as ``row * width + column``.

    Returns
    -------
    Frames

    Raises
    ------
    DataFileError
        If the file is missing or damaged, or holds another number of columns, another type than
        uint16, or no even number of frames, four or more.
    """
    path = dataset.signal_path(split, planet_id, instrument, visit)
    series = _read_series(f"planet {planet_id}: {path}", path, instrument, pixels)
    n_frames = len(series[0])
    if n_frames < 4 or n_frames % 2:  # one pair has no cadence, so nothing could bin it
        raise DataFileError(
            f"planet {planet_id}: {path} must hold two or more pairs of frames; got {n_frames} "
            "frames. Download the file again."
        )
    return _as_pairs(series)


def _read_series(
    where: str, path: Path, instrument: Instrument, pixels: np.ndarray
) -> list[np.ndarray]:
    if not path.is_file():
        raise DataFileError(
            f"{where} is missing: every planet needs its "
            f"{instrument.name} signal. Download the file again."
        )
    try:
        with path.open("rb") as file:  # polars takes a path for a pattern
            flat = _is_flat(where, pl.read_parquet_schema(file), instrument)
            file.seek(0)
            table = pl.read_parquet(file, columns=[0] if flat else pixels.tolist())
    except READ_ERRORS as error:
        if isinstance(error, DataFileError):
            raise
        raise DataFileError(
            f"{where} cannot be read as parquet: {first_sentence(error)}. Download the file again."
        ) from error
    columns = table.get_columns()
    if columns[0].n_chunks() > 1:
        columns = [column.rechunk() for column in columns]
    if any(column.null_count() for column in columns):
        raise DataFileError(f"{where} must hold no nulls. Download the file again.")
    if flat:
        return _unflatten(where, columns[0].to_numpy(), instrument, pixels)
    return [column.to_numpy() for column in columns]


def _is_flat(where: str, schema: Mapping[str, pl.DataType], instrument: Instrument) -> bool:
    """Tell whether one column holds all frames; refuse columns that hold none."""
    flat = len(schema) == 1
    if not flat and len(schema) != instrument.n_pixels:
        raise DataFileError(
            f"{where} must hold {instrument.n_pixels} columns, one per pixel, or 1 column of "
            f"frames; got {len(schema)}. Check that it is a {instrument.name} signal."
        )
    wrong = sorted({str(dtype) for dtype in schema.values()} - {"UInt16"})
    if wrong:
        raise DataFileError(
            f"{where} must hold uint16; got {', '.join(wrong)}. Use the file as it was "
            "published, not a converted one."
        )
    if not flat:
        check_pixel_columns(where, list(schema))
    return flat


def _unflatten(
    where: str, samples: np.ndarray, instrument: Instrument, pixels: np.ndarray
) -> list[np.ndarray]:
    if len(samples) % instrument.n_pixels:
        raise DataFileError(
            f"{where} must hold whole frames of {instrument.n_pixels} pixels; got {len(samples)} "
            "samples. Download the file again."
        )
    frames = samples.reshape(-1, instrument.n_pixels)
    return list(np.ascontiguousarray(frames[:, pixels].T))


def _as_pairs(series: Sequence[np.ndarray]) -> Frames:
    addresses = np.array([one.__array_interface__["data"][0] for one in series])
    first = int(np.argmin(addresses))
    distances = addresses - addresses[first]
    if np.any(distances % PAIR_BYTES):
        return _as_pairs(list(np.stack(series)))
    n_pairs = len(series[0]) // 2
    offsets = distances // PAIR_BYTES
    memory = np.lib.stride_tricks.as_strided(
        series[first].view(np.uint32), shape=(int(offsets.max()) + n_pairs,), writeable=False
    )
    return Frames(tuple(series), memory, offsets.astype(np.int64), n_pairs)
