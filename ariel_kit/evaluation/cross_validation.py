"""Cross-validate the line fold by fold, and score all folds together."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from ariel_kit.core.cache import StoredSequence, atomic_path
from ariel_kit.core.config import RunSettings, save_settings, settings_hash
from ariel_kit.core.errors import DataFileError, FitError
from ariel_kit.core.observation import Observation
from ariel_kit.core.parallel import PlanetFailure
from ariel_kit.core.passes import Passes, open_passes
from ariel_kit.core.revisions import current_revisions
from ariel_kit.core.runtime import progress, versions
from ariel_kit.core.spectrum import Spectrum, facts_card
from ariel_kit.core.words import counted
from ariel_kit.data.dataset import Dataset, Labels, find_labels, open_split, read_labels
from ariel_kit.data.submission import make_submission, submission_frame
from ariel_kit.evaluation.folds import GroupBy, list_members, list_parts, make_folds
from ariel_kit.learning.folder import LabelledPlanets
from ariel_kit.learning.folds import Fold
from ariel_kit.learning.learn import Lesson
from ariel_kit.run.draft import answer_all
from ariel_kit.run.line import LoadedLine, load_line
from ariel_kit.run.products import iter_calibrations
from ariel_kit.scoring import Breakdown, ScoreReport, score
from ariel_kit.scoring.metric import choose_reference
from ariel_kit.spectral_extraction.priors import FEWEST_LABELS, choose_prior

if TYPE_CHECKING:
    import pandas as pd

    from ariel_kit.uncertainty import Temperature

log = logging.getLogger(__name__)

OUT_OF_FOLD = "oof.csv"
MODELS = "models"
VALUES = ("mean", "sigma")


@dataclass(frozen=True, repr=False)
class CrossValidation:
    """What `cross_validate` found.

    Attributes
    ----------
    spectra : list of Spectrum
        Out of fold, in the order of the data set.
    truth : Labels
        Of the same planets.
    folds : list of Fold
    report : ScoreReport
        Of all of them.
    shipped : ScoreReport
        Score of the same spectra with the shipped values of scale and sigma.
    parts : list of Breakdown
        One for each fold and for each group.
    failures : list of PlanetFailure
        Planets that could not be calibrated; they have the mean of their fold's prior.
    temperature : Temperature, optional
        With `full_fit`: fitted on the out-of-fold spectra.
    """

    spectra: list[Spectrum]
    truth: Labels
    folds: list[Fold]
    report: ScoreReport
    shipped: ScoreReport
    parts: list[Breakdown]
    failures: list[PlanetFailure]
    temperature: Temperature | None = None

    def __repr__(self) -> str:
        return f"CrossValidation({self._facts()})"

    def _repr_html_(self) -> str:
        return facts_card("Cross-validation", self.spectra, {"": self._facts()})

    def _facts(self) -> str:
        folds, planets = counted(len(self.folds), "fold"), counted(len(self.spectra), "planet")
        return f"{folds}, {planets}, {len(self.failures)} failed, score {self.report.score:.3f}"

    def to_frame(self) -> pd.DataFrame:
        """Give the out-of-fold table as a DataFrame of pandas, one row per planet, by its id.

        Returns
        -------
        pandas.DataFrame
            Columns ``fold, group, wl_1 .. wl_283, sigma_1 .. sigma_283``.
        """
        import pandas as pd

        table = submission_frame(make_submission(self.spectra, self.truth.planet_ids.tolist()))
        columns = ["planet_id", "fold", "group"]
        members = pd.DataFrame(list_members(self.folds), columns=columns).set_index("planet_id")
        return members.loc[table.index].join(table)


def cross_validate(
    data_dir: str | Path,
    output_dir: str | Path,
    *,
    labels: str | Path | None = None,
    split: str = "train",
    folds: int = 5,
    group_by: GroupBy = "star",
    full_fit: bool = False,
    settings: RunSettings | None = None,
    models_dir: str | Path | None = None,
    n_jobs: int = 1,
    backend: str | None = None,
    address: str | None = None,
) -> CrossValidation:
    """Predict each labelled planet with what was learned from the other folds, and score it.

    The prior of a fold and, where `settings` ask for them, the corrections of scale and sigma are
    learned from the labels of the other folds alone. `CrossValidation.shipped` has no such
    corrections.

    Writes ``oof.csv`` (a submission), ``folds.csv``, ``scores.json`` and ``settings.yaml``.
    Calibrated planets are kept in ``output_dir / "products"`` as in `run_pipeline`, so the same
    call continues where it was interrupted, and a call with other folds needs no new calibration.

    Parameters
    ----------
    data_dir, output_dir : path
    labels : path, optional
        Those of the data folder when left out.
    split : str
    folds : int
        Largest number of folds; with fewer groups, each group is a fold. With molecules, each
        molecule is a fold.
    group_by : {'star', 'random', 'molecule'}
        What folds must not share. In 2025 each planet has a star of its own. Molecules are known
        for simulated planets only: a planet is predicted in the fold of its rarest molecule, with a
        prior from planets that do not contain that molecule.
    full_fit : bool
        Also learn from all labels what later runs need: the temperature of sigma, fitted on the
        out-of-fold spectra and left in ``output_dir / "models"``, the ``models_dir`` of a run. The
        stage that applies it is then off within the folds. The prior needs no saving: a run learns
        it from the labels.
    settings : RunSettings, optional
    models_dir : path, optional
        Own weights of the learned stages, as in `run_pipeline`.
    n_jobs, backend, address
        As in `run_pipeline`.

    Returns
    -------
    CrossValidation

    Raises
    ------
    ConfigError
        If the planets cannot be put into two folds, or `output_dir` lies among them.
    DataFileError
        If a table is missing or damaged, there are no labels, or molecules are asked for and not
        known.
    WeightsError
        If a learned stage is switched on and its weights are missing or damaged.
    """
    settings, output = settings or RunSettings(), Path(output_dir)
    dataset = open_split(data_dir, split, output_dir=output)
    if full_fit:
        stages = settings.stages.model_copy(update={"uncertainty": False})
        settings = settings.model_copy(update={"stages": stages})
    # Find a mistake in the weights before an hour is spent on calibration.
    line = load_line(settings, models_dir, edition=dataset.edition.year)
    truth = _truth(dataset, labels, split)
    parts = make_folds(dataset, truth, split, folds=folds, group_by=group_by, seed=settings.seed)
    output.mkdir(parents=True, exist_ok=True)
    save_settings(settings, output / "settings.yaml")
    with open_passes(output, n_jobs, backend, address) as passes:
        answers = dict(
            iter_calibrations(
                dataset,
                truth.planet_ids.tolist(),
                output / "products",
                total=len(truth.planet_ids),
                split=split,
                settings=settings.calibration,
                pool=passes.pool,
            )
        )
        shown = progress(parts, total=len(parts), description="cross-validate", unit="folds")
        predicted = [_predict(fold, truth, answers, line, settings.seed, passes) for fold in shown]
        found = {spectrum.planet_id: spectrum for spectra, _ in predicted for spectrum in spectra}
        shipped = [found[planet] for planet in truth.planet_ids.tolist()]
        lesson = _lesson(dataset, truth, split, answers, line, settings, passes)
        spectra = shipped if lesson is None else _corrected(shipped, parts, lesson)
    failures = [failure for _, failed in predicted for failure in failed]
    result = _judge(dataset, truth, parts, spectra, shipped, failures)
    make_submission(result.spectra, truth.planet_ids.tolist(), output / OUT_OF_FOLD)
    _write(result, output, group_by, settings)
    if not full_fit:
        return result
    temperature = replace(
        _fit_temperature(shipped, truth),
        editions=(dataset.edition.year,),
        revisions=current_revisions("calibration", "fit"),
    )
    _save_temperature(temperature, output / MODELS / "temperature", line)
    return replace(result, temperature=temperature)


def _save_temperature(temperature: Temperature, folder: Path, line: LoadedLine) -> None:
    from ariel_kit.uncertainty import find_temperature

    refined = any(stage.name == "refine" for stage in line.stages)
    folder.mkdir(parents=True, exist_ok=True)
    temperature.save(folder / find_temperature(refined=refined).name)


def _truth(dataset: Dataset, labels: str | Path | None, split: str) -> Labels:
    """Read the true spectra of the planets of a split that have one, in its order."""
    path = find_labels(dataset) if labels is None else Path(labels)
    if path is None:
        raise DataFileError(f"{dataset.root} holds no labels: name a table with --labels.")
    known = read_labels(path)
    ids = [planet for planet in dataset.planets(split) if planet in known.planet_ids]
    if not ids:
        raise DataFileError(
            f"{path} must hold labels of planets of split {split!r}; it holds none. Name the "
            "labels of this split with --labels, or another split with --split."
        )
    return Labels(np.array(ids), known.of(ids))


def _predict(
    fold: Fold,
    truth: Labels,
    answers: dict[int, list[Path] | PlanetFailure],
    line: LoadedLine,
    seed: int,
    passes: Passes,
) -> tuple[list[Spectrum], list[PlanetFailure]]:
    """Fit the planets of a fold together, with a prior from the labels of the others alone."""
    prior = choose_prior(truth.of(fold.others), f"the data set without fold {fold.name}", seed)
    own = [answers[planet] for planet in fold.groups]
    paths = [path for answer in own if not isinstance(answer, PlanetFailure) for path in answer]
    unread = [answer for answer in own if isinstance(answer, PlanetFailure)]
    fitted = line(StoredSequence(Observation, paths), prior, passes)
    return answer_all(fitted, unread, list(fold.groups), prior)


def _lesson(
    dataset: Dataset,
    truth: Labels,
    split: str,
    answers: dict[int, list[Path] | PlanetFailure],
    line: LoadedLine,
    settings: RunSettings,
    passes: Passes,
) -> Lesson | None:
    """Fit the planets so that folds can learn from each other; None where learning is off."""
    try:
        planets = LabelledPlanets.choose(dataset, truth, settings, split=split)
        chosen = {planet: answers[planet] for planet in planets.chosen}
        visits = {p: paths for p, paths in chosen.items() if not isinstance(paths, PlanetFailure)}
        return planets.lesson(visits, line, settings.seed, passes)
    except DataFileError as reason:
        log.info("scores are those of the shipped scale and sigma: %s", reason)
        return None


def _corrected(spectra: list[Spectrum], folds: list[Fold], lesson: Lesson) -> list[Spectrum]:
    """Correct each fold with what the others taught."""
    shown = progress(folds, total=len(folds), description="learn", unit="folds")
    taught = {planet: c for f in shown for c in [lesson.learn(f.others)] for planet in f.groups}
    return [taught[spectrum.planet_id].apply(spectrum) for spectrum in spectra]


def _judge(
    dataset: Dataset,
    truth: Labels,
    folds: list[Fold],
    spectra: list[Spectrum],
    shipped: list[Spectrum],
    failures: list[PlanetFailure],
) -> CrossValidation:
    """Score all planets, each fold, each group."""
    found = {spectrum.planet_id: spectrum for spectrum in spectra}
    year = dataset.edition.year
    zero = choose_reference(dataset.edition.metric, None, truth.depths)  # one for all parts

    def part(kind: str, name: str, ids: list[int]) -> Breakdown:
        mean, sigma = (np.array([getattr(found[p], which) for p in ids]) for which in VALUES)
        report = score(truth.of(ids), (mean, sigma), edition=year, reference=zero)
        return replace(report.total, group=kind, name=name)

    return CrossValidation(
        spectra=spectra,
        truth=truth,
        folds=folds,
        report=score(truth, spectra, edition=year, reference=zero),
        shipped=score(truth, shipped, edition=year, reference=zero),
        parts=[part(*members) for members in list_parts(folds)],
        failures=failures,
    )


def _fit_temperature(spectra: list[Spectrum], truth: Labels) -> Temperature:
    """Fit the temperature of sigma to out-of-fold spectra."""
    from ariel_kit.uncertainty import fit_temperature

    fitted = [s for s in spectra if s.fit is not None]
    if len(fitted) < FEWEST_LABELS:
        raise FitError(
            f"a temperature needs {FEWEST_LABELS} fitted planets; got {len(fitted)}. Add labelled "
            "planets, or leave --full-fit out: the out-of-fold table is written."
        )
    return fit_temperature(fitted, truth.of([s.planet_id for s in fitted]))


def _write(result: CrossValidation, output: Path, group_by: GroupBy, settings: RunSettings) -> None:
    """Write the fold of each planet, and the scores with the settings and versions behind them."""
    columns = ["planet_id", "fold", "group"]
    table = pl.DataFrame(list_members(result.folds), schema=columns, orient="row")
    with atomic_path(output / "folds.csv") as unfinished, unfinished.open("wb") as file:
        table.write_csv(file)
    record = {
        "score": result.report.score,
        "shipped": asdict(result.shipped.total),
        "group_by": group_by,
        "total": asdict(result.report.total),
        "parts": [asdict(part) for part in result.parts],
        "regions": [asdict(region) for region in result.report.regions],
        "planets": [asdict(planet) for planet in result.report.planets],
        "failures": [asdict(failure) for failure in result.failures],
        "settings": settings_hash(settings),
        "versions": versions(),
    }
    with atomic_path(output / "scores.json") as unfinished:
        unfinished.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
