"""Files of what was learned from labelled planets: ``learned.json`` and ``learned.npz``."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any
from zipfile import BadZipFile

import numpy as np
from pydantic import Field

from ariel_kit.core.cache import atomic_path, file_sha256
from ariel_kit.core.config import RunSettings, make_settings, settings_hash
from ariel_kit.core.editions import get_edition
from ariel_kit.core.errors import DataFileError, ShapeError, check_shape
from ariel_kit.core.instruments import N_WAVELENGTHS
from ariel_kit.core.words import counted
from ariel_kit.learning.corrections import Corrections
from ariel_kit.learning.learn import Trial
from ariel_kit.learning.shrinkage import FiniteSettings
from ariel_kit.models.card import find_objection
from ariel_kit.run.line import LoadedLine
from ariel_kit.scoring import Breakdown
from ariel_kit.spectral_extraction import SpectrumPrior

JSON_FILE, ARRAYS_FILE = "learned.json", "learned.npz"
PRIOR, TRIAL = "prior/", "trial/"
AGAIN = "Copy it, or run ariel-kit learn again."


class LineFacts(FiniteSettings):
    """The pipeline that computed the spectra; its corrections are valid for no other pipeline.

    Attributes
    ----------
    calibration, extraction, uncertainty : str
        Hashes of these settings.
    stages : tuple of str
        Names of the stages that are switched on.
    weights : dict of str to str
        SHA-256 of each stage's weights.
    """

    calibration: str
    extraction: str
    uncertainty: str
    stages: tuple[str, ...]
    weights: dict[str, str]

    @classmethod
    def of(cls, settings: RunSettings, line: LoadedLine) -> LineFacts:
        """Collect the facts of a pipeline."""
        return cls(
            calibration=settings_hash(settings.calibration),
            extraction=settings_hash(settings.extraction),
            uncertainty=settings_hash(settings.uncertainty),
            stages=tuple(stage.name for stage in line.stages),
            weights=line.weights,
        )


class Quality(FiniteSettings):
    """Quality of a set of spectra; see `ariel_kit.scoring.Breakdown`.

    Attributes
    ----------
    score, rmse_ppm, z_std, coverage : float
        Score; rms error in ppm; standard deviation of error over sigma; one-sigma coverage.
    """

    score: float
    rmse_ppm: float
    z_std: float
    coverage: float

    @classmethod
    def of(cls, total: Breakdown) -> Quality:
        """Select these numbers from a breakdown of the score."""
        return cls(**{name: getattr(total, name) for name in cls.model_fields})


class LearnedFacts(FiniteSettings):
    """The content of ``learned.json``.

    Attributes
    ----------
    edition : int
        Year of the challenge.
    revisions : dict of str to int
        Revisions of calibration and fit, from `ariel_kit.core.revisions`.
    line : LineFacts
        Pipeline that the corrections are valid for.
    origin : str
        Hash of the files, the labels and the seed that it was learned from.
    planets : tuple of int
        Planets whose labels it was learned from.
    fitted : int
        Number of these planets whose light curves were fitted.
    corrections : Corrections
    gains : dict of str to float
        Gain of the out-of-fold score by each part of the corrections.
    shipped, learned : Quality
        Out-of-fold quality without corrections, and with corrections from the other folds.
    prior : str
        Source of the prior on spectra.
    spread : float
        `SpectrumPrior.spread` of that prior.
    sha256 : str
        Checksum of ``learned.npz``.
    """

    edition: int
    revisions: dict[str, Annotated[int, Field(ge=0)]]
    line: LineFacts
    origin: str
    planets: tuple[int, ...]
    fitted: int = Field(ge=1)
    corrections: Corrections
    gains: dict[str, float]
    shipped: Quality
    learned: Quality
    prior: str
    spread: float = Field(gt=0)
    sha256: str = Field("", pattern="^([0-9a-f]{64})?$")


@dataclass(frozen=True)
class Learned:
    """Everything that was learned from labelled planets, as it is kept in a folder.

    Attributes
    ----------
    facts : LearnedFacts
    prior : SpectrumPrior
        Prior on spectra, learned from all labels.
    trial : Trial
        Out-of-fold spectra, from which the gain of the corrections is computed.
    """

    facts: LearnedFacts
    prior: SpectrumPrior
    trial: Trial

    def objection(
        self, edition: int, line: LineFacts, planet_ids: Collection[int] = ()
    ) -> str | None:
        """Describe why it must not be used in a run; None if it may.

        Parameters
        ----------
        edition : int
            Year of the challenge that the run's data belong to.
        line : LineFacts
            Pipeline of the run.
        planet_ids : collection of int
            Planets that the run will predict.
        """
        facts = self.facts
        others = [n for n in LineFacts.model_fields if getattr(facts.line, n) != getattr(line, n)]
        objection = find_objection(
            "what was learned",
            editions=[facts.edition],
            revisions=facts.revisions,
            edition=edition,
        )
        if objection is None and others:
            return f"what was learned holds for other {' and '.join(others)}: learn it again"
        if objection is None and (shared := set(planet_ids) & set(facts.planets)):
            return (
                f"it was learned from the labels of {counted(len(shared), 'planet')} that this run "
                f"predicts (the first is {min(shared)}): learn from other planets"
            )
        return objection

    def save(self, folder: str | Path) -> None:
        """Write both files into a folder; the JSON is written last."""
        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        arrays = {PRIOR + name: v for name, v in _prior_arrays(self.prior).items()}
        arrays |= {TRIAL + name: v for name, v in asdict(self.trial).items()}
        with atomic_path(place / ARRAYS_FILE) as unfinished:
            np.savez_compressed(unfinished, **arrays)  # type: ignore[arg-type]
            facts = self.facts.model_copy(update={"sha256": file_sha256(unfinished)})
        with atomic_path(place / JSON_FILE) as unfinished:
            text = json.dumps(facts.model_dump(mode="json"), indent=1)
            unfinished.write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: str | Path) -> Learned:
        """Read the files that `save` wrote.

        Raises
        ------
        DataFileError
            If a file is missing or damaged. The message names every field that is wrong.
        """
        place = Path(folder)
        facts = load_facts(place)
        path = place / ARRAYS_FILE
        if not path.is_file() or file_sha256(path) != facts.sha256:
            raise DataFileError(f"{path} is missing or does not match {JSON_FILE}. {AGAIN}")
        try:
            with np.load(path, allow_pickle=False) as arrays:
                prior = SpectrumPrior(
                    **_below(arrays, PRIOR), spread=facts.spread, source=facts.prior
                )
                trial = Trial(**_below(arrays, TRIAL))
            _check(prior, trial)
        except (OSError, ValueError, TypeError, EOFError, BadZipFile) as error:
            raise DataFileError(f"{path} is damaged ({error}). {AGAIN}") from error
        return cls(facts, prior, trial)


def load_facts(folder: Path) -> LearnedFacts:
    """Read ``learned.json``.

    Raises
    ------
    DataFileError
        If it is missing or damaged.
    """
    path = folder / JSON_FILE
    if not path.is_file():
        raise DataFileError(f"{path} is missing: give a folder that ariel-kit learn wrote.")
    try:
        values: Any = json.loads(path.read_text(encoding="utf-8"))
        facts = make_settings(LearnedFacts, values, where=f"{path} is damaged")
        get_edition(facts.edition)
    except (ValueError, RecursionError) as error:
        raise DataFileError(f"{path} is damaged ({error}). {AGAIN}") from error
    return facts


def format_learned(facts: LearnedFacts) -> str:
    """Format a text table of what was learned: each number, its error, its out-of-fold gain."""
    lines = [f"{'learned':<14} {'value':>8} {'found':>8} {'error':>8} {'gain':>8}"]
    for name, part in facts.corrections.parts().items():
        numbers = (part.value, part.found, part.error, facts.gains[name])
        lines.append(f"{name:<14} " + " ".join(f"{number:>8.4f}" for number in numbers))
    for name, quality in (("shipped", facts.shipped), ("learned", facts.learned)):
        lines.append(
            f"out of fold, {name}: score {quality.score:.3f}, RMSE {quality.rmse_ppm:.1f} ppm, "
            f"coverage {quality.coverage:.3f}"
        )
    return "\n".join(lines)


def _prior_arrays(prior: SpectrumPrior) -> dict[str, np.ndarray]:
    names = ("shapes", "mean_depth", "sigma_depth")
    return {name: getattr(prior, name) for name in names}


def _below(arrays: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {n.removeprefix(prefix): arrays[n] for n in arrays if n.startswith(prefix)}


def _check(prior: SpectrumPrior, trial: Trial) -> None:
    """Raise ShapeError if the arrays do not have matching shapes or are not finite."""
    rank = prior.shapes.shape[-1]
    check_shape("shapes", prior.shapes.shape, {"wavelength": N_WAVELENGTHS, "rank": rank})
    for name in ("mean_depth", "sigma_depth"):
        check_shape(name, getattr(prior, name).shape, {"wavelength": N_WAVELENGTHS})
    (n,) = trial.planet_ids.shape
    for name in ("truth", "mean", "sigma", "learned_mean", "learned_sigma"):
        check_shape(name, getattr(trial, name).shape, {"planet": n, "wavelength": N_WAVELENGTHS})
    for name, array in (_prior_arrays(prior) | asdict(trial)).items():
        if not np.isfinite(array).all():
            raise ShapeError(f"{name} must be finite; it is not.")
