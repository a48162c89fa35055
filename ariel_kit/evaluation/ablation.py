"""Measure what each learned stage is worth, on planets of known truth."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NotRequired, TypedDict

import numpy as np

from ariel_kit.core.cache import StoredSequence
from ariel_kit.core.config import RunSettings, StageSettings
from ariel_kit.core.editions import get_edition
from ariel_kit.core.errors import ConfigError, DataFileError
from ariel_kit.core.observation import Observation
from ariel_kit.core.passes import IN_MEMORY, Passes, open_passes
from ariel_kit.core.runtime import progress
from ariel_kit.core.spectrum import Spectrum
from ariel_kit.data.dataset import Labels, open_split, read_labels
from ariel_kit.pipeline import learn_run_prior
from ariel_kit.run.draft import answer_all
from ariel_kit.run.line import load_line
from ariel_kit.run.products import calibrate_planets
from ariel_kit.scoring import score
from ariel_kit.scoring.metric import choose_reference

if TYPE_CHECKING:
    from ariel_kit.spectral_extraction import SpectrumPrior

log = logging.getLogger(__name__)


class Row(TypedDict):
    """Score of the line with one choice of stages, as `plot_ablation` draws it.

    ``default`` is present only in the row whose stages are those of the settings. ``refused`` is
    present only where weights did not suit the observations; it holds the reason for each stage
    that was asked for but stayed off.
    """

    stages: list[str]
    score: float
    rmse_ppm: float
    coverage: float
    seconds_per_planet: float
    default: NotRequired[bool]
    refused: NotRequired[dict[str, str]]


@dataclass(frozen=True)
class Variant:
    """The line with some stages on, and its spectra.

    Attributes
    ----------
    stages : tuple of str
        Learned stages that were switched on.
    refused : dict
        The reason for each of these stages that stayed off.
    default : bool
        Whether these are the stages of the settings.
    edition : int
        Year of the planets, which selects the metric.
    spectra : list of Spectrum
        One per planet, in the order in which the planets first appear.
    seconds_per_planet : float
        Time from a calibrated observation to a spectrum.
    """

    stages: tuple[str, ...]
    refused: dict[str, str]
    default: bool
    edition: int
    spectra: list[Spectrum]
    seconds_per_planet: float

    def row(self, truth: Labels, planet_ids: Sequence[int] | None = None) -> Row:
        """Score all planets, or some of them, by the metric of their edition.

        The reference that scores zero is computed from all planets, so that the scores of parts can
        be compared.
        """
        chosen = [s for s in self.spectra if planet_ids is None or s.planet_id in planet_ids]
        zero = choose_reference(
            get_edition(self.edition).metric, None, _depths(truth, self.spectra)
        )
        mean, sigma = (np.array([getattr(s, name) for s in chosen]) for name in ("mean", "sigma"))
        report = score(_depths(truth, chosen), (mean, sigma), edition=self.edition, reference=zero)
        row: Row = {
            "stages": list(self.stages),
            "score": report.score,
            "rmse_ppm": report.total.rmse_ppm,
            "coverage": report.total.coverage,
            "seconds_per_planet": self.seconds_per_planet,
        }
        if self.default:
            row["default"] = True
        if self.refused:
            row["refused"] = self.refused
        return row


def _depths(truth: Labels, spectra: Sequence[Spectrum]) -> np.ndarray:
    """Look up the true depths of the planets of `spectra` [shape=(planet, 283), dtype=float64]."""
    return truth.of([spectrum.planet_id for spectrum in spectra])


def ablate(
    observations: Sequence[Observation],
    truth: Labels,
    *,
    prior: SpectrumPrior,
    settings: RunSettings | None = None,
    models_dir: str | Path | None = None,
    variants: Sequence[Sequence[str]] | None = None,
    passes: Passes = IN_MEMORY,
) -> list[Row]:
    """Score the line with each learned stage on and off.

    Parameters
    ----------
    observations : sequence of Observation
        Calibrated; they are fitted together.
    truth : Labels
        True spectra of these planets, which no stage sees.
    prior : SpectrumPrior
    settings : RunSettings, optional
        Its stages are the default.
    models_dir : path, optional
        As in `run_pipeline`.
    variants : sequence of sequence of str, optional
        The stages of each row; as `usual_variants` when left out.
    passes : Passes
        Where it is worked; in this process when left out.

    Returns
    -------
    list of Row

    Examples
    --------
    >>> from ariel_kit.simulation import draw_planets, draw_spectra, simulate_observation
    >>> from ariel_kit.spectral_extraction import learn_prior
    >>> (planet,) = draw_planets(1, seed=3)
    >>> rows = ablate(
    ...     [simulate_observation(planet, seed=0)],
    ...     Labels(np.array([planet.planet_id]), planet.depths[None]),
    ...     prior=learn_prior(draw_spectra(40, rng=np.random.default_rng(0))),
    ...     variants=[[]],
    ... )
    >>> rows[0]["stages"], rows[0]["score"] > 0.3
    ([], True)
    """
    tried = run_variants(
        observations,
        prior=prior,
        settings=settings,
        models_dir=models_dir,
        variants=variants,
        passes=passes,
    )
    return [variant.row(truth) for variant in tried]


def run_variants(
    observations: Sequence[Observation],
    *,
    prior: SpectrumPrior,
    settings: RunSettings | None = None,
    models_dir: str | Path | None = None,
    variants: Sequence[Sequence[str]] | None = None,
    passes: Passes = IN_MEMORY,
) -> list[Variant]:
    """Run the line with each choice of stages; see `ablate`.

    Raises
    ------
    ConfigError
        If there is no observation.
    WeightsError
        If weights of a stage are missing: before anything is fitted.
    """
    if len(observations) == 0:
        raise ConfigError("an ablation needs at least one calibrated planet; got none.")
    settings = settings or RunSettings()
    chosen = [StageSettings.only(*names) for names in variants or usual_variants(settings.stages)]
    lines = [
        load_line(
            settings.model_copy(update={"stages": stages}),
            models_dir,
            edition=observations[0].edition,
        )
        for stages in chosen
    ]
    planet_ids = list(dict.fromkeys(observation.planet_id for observation in observations))
    edition = observations[0].edition
    tried = []
    shown = progress(chosen, total=len(chosen), description="ablate", unit="variants")
    for stages, line in zip(shown, lines, strict=True):
        # Run one planet first, so that loading and compiling are not timed.
        line(observations[:1], prior)
        start = time.perf_counter()
        fitted = line(observations, prior, passes)
        seconds = (time.perf_counter() - start) / len(planet_ids)
        spectra, _ = answer_all(fitted, [], planet_ids, prior)
        names = stages.switched_on()
        default = stages == settings.stages
        tried.append(Variant(names, dict(line.refusals), default, edition, spectra, seconds))
        log.info("stages %s: %.2f s per planet", ", ".join(names) or "none", seconds)
    return tried


def usual_variants(default: StageSettings) -> list[tuple[str, ...]]:
    """List the usual choices without repeats: no stage, each alone, all of them, the defaults.

    Examples
    --------
    >>> for names in usual_variants(StageSettings.only("jitter", "refine")):
    ...     print(*names)
    <BLANKLINE>
    jitter
    denoise
    refine
    uncertainty
    jitter denoise refine uncertainty
    jitter refine
    """
    every = tuple(StageSettings.model_fields)
    return list(dict.fromkeys([(), *((name,) for name in every), every, default.switched_on()]))


def ablate_folder(
    data_dir: str | Path,
    labels: str | Path,
    output_dir: str | Path,
    *,
    split: str = "test",
    train_labels: str | Path | None = None,
    settings: RunSettings | None = None,
    models_dir: str | Path | None = None,
    n_jobs: int = 1,
    backend: str | None = None,
    address: str | None = None,
) -> list[Row]:
    """Calibrate the labelled planets of a folder once, then `ablate`.

    Parameters
    ----------
    data_dir : path
        In the challenge's layout.
    labels : path
        True spectra.
    output_dir : path
        Folder that keeps the calibrated planets for a later call.
    split : str
    train_labels, settings, models_dir, n_jobs, backend, address
        As in `run_pipeline`.

    Returns
    -------
    list of Row

    Raises
    ------
    DataFileError
        If no planet of the split has a label, or none can be read.
    """
    settings = settings or RunSettings()
    dataset = open_split(data_dir, split, output_dir=output_dir)
    truth = read_labels(labels)
    known = set(truth.planet_ids.tolist())
    planet_ids = [planet for planet in dataset.planets(split) if planet in known]
    if not planet_ids:
        raise DataFileError(
            f"{labels} must hold true spectra of planets in {split!r}; it holds none of them. "
            "Give the labels of that split."
        )
    prior = learn_run_prior(dataset, planet_ids, train_labels, settings.seed)
    with open_passes(Path(output_dir), n_jobs, backend, address) as passes:
        paths, failures = calibrate_planets(
            dataset,
            planet_ids,
            Path(output_dir) / "products",
            split=split,
            settings=settings.calibration,
            pool=passes.pool,
        )
        if not paths:
            raise DataFileError(f"no planet of {data_dir} can be read; the first: {failures[0]}")
        if failures:
            log.warning("%d of %d planets cannot be read; left out", len(failures), len(planet_ids))
        return ablate(
            StoredSequence(Observation, paths),
            truth,
            prior=prior,
            settings=settings,
            models_dir=models_dir,
            passes=passes,
        )


def format_ablation(rows: Sequence[Row]) -> str:
    """Format the rows as a text table.

    Examples
    --------
    >>> numbers = {"score": 0.71, "rmse_ppm": 30.0, "coverage": 0.68, "seconds_per_planet": 0.6}
    >>> print(format_ablation([{"stages": [], **numbers, "default": True}]))
    stages                                   score  rmse ppm  coverage  s per planet
    none (default)                           0.710      30.0     0.680          0.60
    """
    lines = [f"{'stages':<38} {'score':>7} {'rmse ppm':>9} {'coverage':>9} {'s per planet':>13}"]
    refused: dict[str, str] = {}
    for row in rows:
        refused |= row.get("refused", {})
        lines.append(
            f"{_row_name(row):<38} {row['score']:>7.3f} {row['rmse_ppm']:>9.1f} "
            f"{row['coverage']:>9.3f} {row['seconds_per_planet']:>13.2f}"
        )
    return "\n".join([*lines, *(f"{name} is off: {reason}" for name, reason in refused.items())])


def _row_name(row: Row) -> str:
    """Name the stages of a row; those that were refused are in brackets."""
    refused = row.get("refused", {})
    names = [f"({name})" if name in refused else name for name in row["stages"]]
    return (" + ".join(names) or "none") + (" (default)" if row.get("default") else "")
