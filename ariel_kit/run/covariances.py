"""Posterior covariances of a run's planets as a file: half of each matrix, in single precision."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import numpy as np

from ariel_kit.core.cache import atomic_path
from ariel_kit.core.errors import DataFileError
from ariel_kit.core.instruments import N_WAVELENGTHS
from ariel_kit.core.spectrum import Spectrum

ROWS, COLUMNS = np.tril_indices(N_WAVELENGTHS)
"""Of the half that is kept: below the diagonal, and the diagonal."""


def set_aside(folder: Path, spectra: list[Spectrum]) -> list[Spectrum]:
    """Write the covariances of a batch into a folder, 0.16 MB each; give spectra without them."""
    halves = {
        str(spectrum.planet_id): spectrum.covariance[ROWS, COLUMNS].astype(np.float32)
        for spectrum in spectra
        if spectrum.covariance is not None
    }
    if halves:
        folder.mkdir(parents=True, exist_ok=True)
        with atomic_path(folder / f"{'-'.join(list(halves)[:2])}.npz") as unfinished:
            np.savez(unfinished, **halves)  # type: ignore[arg-type]
    return [replace(spectrum, covariance=None) for spectrum in spectra]


def gather_covariances(path: Path, folder: Path, spectra: Sequence[Spectrum]) -> None:
    """Bring what was set aside in a folder into one file, one matrix at a time.

    A planet whose visits do not share one posterior, but were averaged, has no covariance.
    """
    shared = {
        str(s.planet_id)
        for s in spectra
        if s.fit is not None and s.fit.visits == len(s.white_light)
    }
    with atomic_path(path) as unfinished, ZipFile(unfinished, "w") as archive:
        for part in sorted(folder.glob("*.npz")):
            with np.load(part, allow_pickle=False) as halves:
                for name in shared.intersection(halves.files):
                    with archive.open(f"{name}.npy", "w") as file:
                        np.lib.format.write_array(file, halves[name], allow_pickle=False)


def read_covariance(path: Path, planet_id: int) -> np.ndarray | None:
    """Read the covariance of one planet.

    Parameters
    ----------
    path : Path
    planet_id : int

    Returns
    -------
    ndarray [shape=(283, 283), dtype=float64] or None
        None where the planet has none, or an older run kept none.

    Raises
    ------
    DataFileError
        If the file is damaged.
    """
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as stored:
            if str(planet_id) not in stored.files:
                return None
            half = stored[str(planet_id)].astype(np.float64)
            covariance = np.empty((N_WAVELENGTHS, N_WAVELENGTHS))
            covariance[ROWS, COLUMNS] = covariance[COLUMNS, ROWS] = half
            return covariance
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error) as error:
        raise DataFileError(f"{path} is damaged ({error}); run ariel-kit run again.") from error
