"""Write folders in the layout of the Ariel Data Challenge: the files that `dataset` reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from ariel_kit.core.errors import ShapeError, check_shape
from ariel_kit.core.instruments import (
    AIRS,
    FGS1,
    N_WAVELENGTHS,
    Instrument,
    column_wavelengths,
    wavelengths,
)
from ariel_kit.data.calibration_maps import LINEARITY_TERMS, Calibration
from ariel_kit.data.converter import Adc
from ariel_kit.data.dataset import LABEL_COLUMNS, SIGMA_COLUMNS

STAR_INFO_COLUMNS = ("Rs", "Ms", "Ts", "Mp", "e", "P", "sma", "i")
"""Star in solar units and kelvin, planet in Jupiter masses, days, stellar radii, degrees."""
PLACEHOLDER = 0.123
"""What the challenge's own sample submission holds in every cell."""
MOLECULES = "molecules.csv"
"""Table of the gases of simulated planets, both splits in one."""


def write_frames(path: Path, frames: np.ndarray) -> None:
    """Write raw frames: one parquet column per pixel.

    Parameters
    ----------
    path : Path
    frames : ndarray [shape=(pixel, frame), dtype=uint16, unit=ADU]
        Pixel by pixel, so that a column is written without a copy.

    Raises
    ------
    ShapeError
        If the frames are not a table of uint16.
    """
    check_shape("frames", frames.shape, {"pixel": None, "frame": None})
    if frames.dtype != np.uint16:
        raise ShapeError(f"frames must be uint16, as the converter writes; got {frames.dtype}.")
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = [pl.Series(f"column_{i}", pixel) for i, pixel in enumerate(frames)]
    pl.DataFrame(columns).write_parquet(path, compression="snappy", statistics=False)


def write_calibration(folder: Path, calibration: Calibration) -> None:
    """Write the five calibration frames of one instrument.

    Parameters
    ----------
    folder : Path
        Made when it is not there.
    calibration : Calibration
    """
    folder.mkdir(parents=True, exist_ok=True)
    maps = {
        "dark": calibration.dark,
        "dead": calibration.dead,
        "flat": calibration.flat,
        "linear_corr": calibration.linear_corr.reshape(
            LINEARITY_TERMS * calibration.linear_corr.shape[1], -1
        ),
        "read": calibration.read,
    }
    for name, values in maps.items():
        table = {f"column_{i}": column for i, column in enumerate(values.T)}
        pl.DataFrame(table).write_parquet(folder / f"{name}.parquet")


def write_grid(root: Path, n_airs_pairs: int = AIRS.n_pairs) -> None:
    """Write what describes the axes: ``wavelengths.csv`` and ``axis_info.parquet``.

    ``axis_info`` follows the real file, also where that is odd: short columns are padded with
    nulls, odd AIRS frames are dated 0.1 s after the even ones, and their integration time is the
    4.5 s of light between the reads, not the 4.6 s since the ramp's start.

    Parameters
    ----------
    root : Path
    n_airs_pairs : int
        Length of the observations; FGS1 has twelve times as many pairs.
    """
    grid = dict(zip(LABEL_COLUMNS, wavelengths()[:, None], strict=True))
    pl.DataFrame(grid).write_csv(root / "wavelengths.csv")
    n_airs, n_fgs1 = 2 * n_airs_pairs, 2 * n_airs_pairs * (FGS1.n_pairs // AIRS.n_pairs)
    integration = np.resize([AIRS.read_times[0], AIRS.exposure], n_airs)
    axes = {
        "AIRS-CH0-axis0-h": _frame_times(AIRS, n_airs),
        "AIRS-CH0-axis2-um": column_wavelengths(),
        "AIRS-CH0-integration_time": integration,
        "FGS1-axis0-h": _frame_times(FGS1, n_fgs1),
    }
    rows = max(map(len, axes.values()))
    series = [
        pl.Series(name, values).extend_constant(None, rows - len(values))
        for name, values in axes.items()
    ]
    pl.DataFrame(series).write_parquet(root / "axis_info.parquet")


def _frame_times(instrument: Instrument, n_frames: int) -> np.ndarray:
    """Compute the time of each frame, 0.1 and 0.2 s into its ramp as on the real axis, hours."""
    starts = np.repeat(np.arange(n_frames // 2) * instrument.cadence, 2)
    return (starts + np.resize([0.1, 0.2], n_frames)) / 3600


def write_labels(path: Path, planet_ids: Sequence[int], depths: np.ndarray) -> None:
    """Write true spectra.

    Parameters
    ----------
    path : Path
    planet_ids : sequence of int
    depths : ndarray [shape=(planet, 283), dtype=float64]

    Raises
    ------
    ShapeError
        If there is not one spectrum per planet.
    """
    check_shape("depths", depths.shape, {"planet": len(planet_ids), "wavelength": N_WAVELENGTHS})
    table = {
        "planet_id": np.asarray(planet_ids, np.int64),
        **dict(zip(LABEL_COLUMNS, depths.T, strict=True)),
    }
    pl.DataFrame(table).write_csv(path)


def write_molecules(
    path: Path, planet_ids: Sequence[int], molecules: Sequence[Sequence[str]]
) -> None:
    """Write which gases each planet holds; the challenge has no such file.

    Parameters
    ----------
    path : Path
    planet_ids : sequence of int
    molecules : sequence of sequence of str
        Gases of each planet; in the table with spaces between them.
    """
    gases = [" ".join(names) for names in molecules]
    ids = np.asarray(planet_ids, np.int64)
    pl.DataFrame({"planet_id": ids, "molecules": gases}).write_csv(path)


def write_sample_submission(path: Path, planet_ids: Sequence[int]) -> None:
    """Write the template of a submission: every cell holds `PLACEHOLDER`.

    Parameters
    ----------
    path : Path
    planet_ids : sequence of int
    """
    cells = np.full(len(planet_ids), PLACEHOLDER)
    columns = dict.fromkeys([*LABEL_COLUMNS, *SIGMA_COLUMNS], cells)
    pl.DataFrame({"planet_id": np.asarray(planet_ids, np.int64), **columns}).write_csv(path)


def write_adc_info(
    path: Path,
    planet_ids: Sequence[int],
    converters: Mapping[str, Sequence[Adc]],
    stars: Sequence[int],
) -> None:
    """Write the converters of the planets of a split, 2024 edition.

    Parameters
    ----------
    path : Path
    planet_ids : sequence of int
    converters : mapping of str to sequence of Adc
        By the instrument's name.
    stars : sequence of int
    """
    columns = {"planet_id": np.asarray(planet_ids, np.int64), **_adc_columns(converters)}
    pl.DataFrame({**columns, "star": np.asarray(stars, np.int64)}).write_csv(path)


def write_shared_adc_info(path: Path, converters: Mapping[str, Adc]) -> None:
    """Write the one converter per instrument of the 2025 edition.

    Parameters
    ----------
    path : Path
    converters : mapping of str to Adc
        By the instrument's name.
    """
    single = {name: [converter] for name, converter in converters.items()}
    pl.DataFrame(_adc_columns(single)).write_csv(path)


def _adc_columns(converters: Mapping[str, Sequence[Adc]]) -> dict[str, np.ndarray]:
    return {
        f"{name}_adc_{field}": np.array([getattr(adc, field) for adc in row], dtype=np.float64)
        for name, row in converters.items()
        for field in ("offset", "gain")
    }


def write_star_info(
    path: Path, planet_ids: Sequence[int], orbits: Mapping[str, Sequence[float] | np.ndarray]
) -> None:
    """Write the stars and orbits of the planets of a split, 2025 edition.

    Parameters
    ----------
    path : Path
    planet_ids : sequence of int
    orbits : mapping of str to sequence of float
        `STAR_INFO_COLUMNS`, one value per planet.
    """
    columns = {name: np.asarray(orbits[name], dtype=np.float64) for name in STAR_INFO_COLUMNS}
    pl.DataFrame({"planet_id": np.asarray(planet_ids, np.int64), **columns}).write_csv(path)
