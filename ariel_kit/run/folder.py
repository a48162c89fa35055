"""What a run left behind, read from its folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ariel_kit.core.cache import file_sha256
from ariel_kit.core.config import RunSettings, load_settings, settings_hash
from ariel_kit.core.errors import DataFileError
from ariel_kit.core.instruments import wavelengths
from ariel_kit.core.observation import Observation
from ariel_kit.core.spectrum import Spectrum
from ariel_kit.data.submission import submission_arrays
from ariel_kit.data.tables import read_planets

NEEDED = ("submission.csv", "run.json", "settings.yaml")


@dataclass(frozen=True)
class Run:
    """A finished run. Make one with `read_run`.

    Attributes
    ----------
    folder : Path
    spectra : list of Spectrum
        In the order of the submission; their provenance tells what each stage did.
    record : dict
        The content of ``run.json``.
    settings : RunSettings
    products : dict
        Planet id to the files of its calibrated visits, where they are kept.
    """

    folder: Path
    spectra: list[Spectrum]
    record: dict[str, Any]
    settings: RunSettings
    products: dict[int, list[Path]]

    @property
    def split(self) -> str:
        """``train`` or ``test``."""
        return str(self.record.get("split", "test"))

    @property
    def edition(self) -> int:
        """2024 or 2025."""
        return int(self.record.get("edition", 2024))

    @property
    def data(self) -> Path:
        """Where the raw data were when the run read them."""
        return Path(self.record.get("data", "unknown"))

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds of each stage."""
        return dict(self.record.get("seconds", {}))

    @property
    def failures(self) -> dict[int, str]:
        """Planet id to the reason why it got the safe prior."""
        found = self.record.get("failures", [])
        return {int(row["planet_id"]): f"{row['error']}: {row['reason']}" for row in found}

    @cached_property
    def observed(self) -> dict[int, dict[str, Any]]:
        """Planet id to what its first calibrated visit says besides its arrays."""
        return {planet: Observation.load_meta(paths[0]) for planet, paths in self.products.items()}

    @property
    def stars(self) -> list[int | None]:
        """The star of each spectrum, where it is known."""
        return [self.observed.get(s.planet_id, {}).get("star") for s in self.spectra]

    @property
    def is_unchanged(self) -> bool:
        """Whether submission.csv is still the file that the run wrote."""
        written = self.record.get("submission_sha256")
        return written is None or written == file_sha256(self.folder / "submission.csv")


def read_run(folder: str | Path) -> Run:
    """Read the output folder of ``ariel-kit run``.

    Parameters
    ----------
    folder : path

    Returns
    -------
    Run

    Raises
    ------
    DataFileError
        If the folder is not that of a finished run, or a file of it is damaged.
    """
    folder = Path(folder)
    missing = [name for name in NEEDED if not (folder / name).is_file()]
    if missing:
        raise DataFileError(
            f"{folder} is not a finished run: it must hold {', '.join(NEEDED)}; "
            f"{', '.join(missing)} cannot be found. Give the --output-dir of ariel-kit run."
        )
    record, settings = (
        _read_json(folder / "run.json"),
        load_settings(RunSettings, folder / "settings.yaml"),
    )
    ids, mean, sigma = submission_arrays(read_planets(folder / "submission.csv"))
    path = folder / "provenance.json"
    steps = _read_json(path) if path.is_file() else {}
    spectra = [
        Spectrum(planet, wavelengths(), m, s, provenance=steps.get(str(planet), {}))
        for planet, m, s in zip(ids, mean, sigma, strict=True)
    ]
    products = folder / "products" / settings_hash(settings.calibration)
    split = record.get("split", "test")
    found = {planet: sorted(products.glob(f"{split}_{planet}_*.npz")) for planet in ids}
    kept = {planet: paths for planet, paths in found.items() if paths}
    return Run(folder, spectra, record, settings, kept)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise DataFileError(
            f"{path} is damaged ({error}); run ariel-kit run again, it goes on where it was."
        ) from error
