"""What the fit concluded of each planet of a run, and its white light, as a file."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from pydantic import TypeAdapter

from ariel_kit.core.cache import atomic_path
from ariel_kit.core.errors import DataFileError
from ariel_kit.core.spectrum import FitFacts, Spectrum, WhiteLightCurve
from ariel_kit.run.files import describe_damage

FACTS = TypeAdapter(dict[int, FitFacts])


def write_fits(path: Path, spectra: Sequence[Spectrum]) -> None:
    """Write the facts and the white light of fitted planets."""
    with atomic_path(path) as unfinished:
        np.savez_compressed(unfinished, **_fit_arrays(spectra))  # type: ignore[arg-type]


def _fit_arrays(spectra: Sequence[Spectrum]) -> dict[str, np.ndarray]:
    """Put facts into JSON, and white light into one array per visit [shape=(field, time)]."""
    facts = {s.planet_id: s.fit for s in spectra if s.fit is not None}
    curves = {
        f"{spectrum.planet_id}/{visit}": np.stack(
            [getattr(curve, item.name) for item in fields(WhiteLightCurve)]
        )
        for spectrum in spectra
        for visit, curve in enumerate(spectrum.white_light)
    }
    return {"facts": np.array(FACTS.dump_json(facts).decode()), **curves}


def read_fits(path: Path) -> tuple[dict[int, FitFacts], dict[int, list[WhiteLightCurve]]]:
    """Read the facts and, visit by visit, the white light of each planet.

    Raises
    ------
    DataFileError
        If the file is missing or damaged.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            facts = FACTS.validate_json(str(arrays["facts"]))
            curves: dict[int, list[WhiteLightCurve]] = {}
            for name in arrays.files:
                if name != "facts":
                    planet = int(name.partition("/")[0])
                    curves.setdefault(planet, []).append(WhiteLightCurve(*arrays[name]))
    except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile, zlib.error) as error:
        raise DataFileError(describe_damage(path, error)) from error
    return facts, curves
