"""Take a raw folder through the line to a valid submission."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from ariel_kit.core.cache import StoredSequence, file_sha256
from ariel_kit.core.config import RunSettings
from ariel_kit.core.observation import Observation
from ariel_kit.core.parallel import PlanetFailure
from ariel_kit.core.passes import IN_MEMORY, Passes, open_passes
from ariel_kit.core.pool import Pool
from ariel_kit.core.runtime import Timings, find_place, versions
from ariel_kit.core.spectrum import Spectrum
from ariel_kit.core.words import readable
from ariel_kit.data.dataset import Dataset, find_labels, open_split, read_labels
from ariel_kit.learning.folder import Calibrate
from ariel_kit.learning.in_run import describe, learn_in_run, take_over
from ariel_kit.learning.learned import Learned
from ariel_kit.learning.stage import LearnedStage
from ariel_kit.run.budget import Budget, cheaper
from ariel_kit.run.covariances import set_aside
from ariel_kit.run.draft import Draft
from ariel_kit.run.fitted import Keep, unchanged
from ariel_kit.run.folder import RunFolder
from ariel_kit.run.line import LoadedLine, load_line
from ariel_kit.run.products import iter_calibrations
from ariel_kit.run.record import BudgetRecord, RunIdentity, RunRecord
from ariel_kit.run.result import RunResult

if TYPE_CHECKING:
    from ariel_kit.spectral_extraction import SpectrumPrior

log = logging.getLogger(__name__)


def run_pipeline(
    data_dir: str | Path,
    output_dir: str | Path,
    *,
    split: str = "test",
    train_labels: str | Path | None = None,
    settings: RunSettings | None = None,
    models_dir: str | Path | None = None,
    learned: str | Path | None = None,
    n_jobs: int = 1,
    backend: str | None = None,
    address: str | None = None,
) -> RunResult:
    """Turn a folder in the challenge's layout into ``submission.csv``.

    A valid file, made of the safe prior, exists before the first planet is read, and takes in
    quick spectra of planets as they are calibrated. Calibrated planets are kept in
    ``output_dir / "products"``, so an interrupted run goes on where it was and ends in the same
    bytes. Time is kept by `Budget`: before the wall planets keep the quick spectrum or the prior.

    Parameters
    ----------
    data_dir, output_dir : path
    split : str
        ``test`` or ``train``.
    train_labels : path, optional
        Labels to learn the prior from: those of `data_dir` when left out, the kit's simulated
        spectra when there are none. Labels of the planets being predicted are never used.
    settings : RunSettings, optional
    models_dir : path, optional
        Own weights of the learned stages, as training leaves them; the package's without.
    learned : path, optional
        What ``ariel-kit learn`` or another run learned from labelled planets, with the prior.
        Without it, labelled planets of the train split are learned from as `settings` say.
    n_jobs : int
        Processes; -1 for one per core.
    backend, address : str, optional
        As in `open_pool`, to spread over a cluster that shares both folders.

    Returns
    -------
    RunResult

    Raises
    ------
    DataFileError
        If the folder, its tables or the labels cannot be read, or the split has no planets. A
        planet that cannot be read is not an error: it gets the safe prior and is named in
        `RunResult.failures`.
    ConfigError
        If `output_dir` is `data_dir` or lies among its planets; if what was learned holds for
        other data or settings, or comes from planets of this run; or as `open_pool` does.
    WeightsError
        If a learned stage is switched on and its weights are missing or damaged.
    BudgetError
        If there is not enough memory for `n_jobs` planets.

    Examples
    --------
    Four frames show no transit, so the planet gets the safe prior, and the reason is told:

    >>> from ariel_kit.simulation import draw_planets, simulate_dataset, write_tables
    >>> folder = getfixture("tmp_path")
    >>> data = simulate_dataset(folder / "data", n_train=0, n_test=1, n_pairs=4)
    >>> write_tables(folder / "others", train=draw_planets(40, seed=5), test=[])
    >>> labels = folder / "others" / "train_labels.csv"
    >>> result = run_pipeline(data, folder / "out", train_labels=labels)
    >>> result.submission_path.name, len(result.spectra)
    ('submission.csv', 1)
    >>> result.to_frame()["failure"].tolist()
    ['AIRS must cover 3.75 h to show the transit; got 0.01 h.']
    """
    settings, timings = settings or RunSettings(), Timings()
    budget = Budget(settings.budget)
    dataset, folder = open_split(data_dir, split, output_dir=output_dir), RunFolder(output_dir)
    identity = RunIdentity.of(dataset, split, settings)
    planet_ids = dataset.submission_planets(split)
    load = partial(load_line, models_dir=models_dir, edition=dataset.edition.year)
    line = load(settings)  # a mistake is told before an hour is spent
    told = None
    if learned is not None:
        told = take_over(learned, dataset, planet_ids, line=line, settings=settings)
    short = _taught(load(cheaper(settings)), told)
    with timings.stage("prior"):
        prior = _choose_prior(dataset, planet_ids, train_labels, told, settings.seed)
    quick = partial(extract_spectra, line=short, prior=prior, recipe="quick")
    with (
        open_passes(folder.path, n_jobs, backend, address) as passes,
        folder.attempt(identity, settings) as unfinished,
    ):
        calibrate = _calibration(dataset, folder, settings, passes.pool)
        full = partial(extract_spectra, line=line, prior=prior, recipe="full", passes=passes)
        draft = Draft(unfinished, planet_ids, prior, quick)
        with timings.stage("calibrate"):
            calibrations = calibrate(budget.ration(planet_ids), total=len(planet_ids), split=split)
            paths, unread = _gather(calibrations, planet_ids, budget, draft, full)
        with timings.stage("learn"):
            lesson = partial(learn_in_run, dataset, planet_ids, train_labels, line, settings)
            taught = told or lesson(
                folder.learned, budget, n_to_fit=len(paths), calibrate=calibrate, passes=passes
            )
        with timings.stage("fit"):
            n_full = budget.affordable(len(paths))
            keep = partial(set_aside, folder.set_aside)
            fitted = full(paths[:n_full], line=_taught(line, taught), keep=keep)
            fitted += [draft.quick[path] for path in paths[n_full:]]
        with timings.stage("write"):
            spectra, failures = draft.write(fitted, unread)
        seconds = dict(timings)
        result = RunResult(folder.submission, spectra, failures, seconds, paths, prior, taught)
        if told is not None:
            told.save(folder.learned)
        sha = file_sha256(draft.path)
        record = _record(result, dataset, identity, settings, line.weights, sha)
        folder.finish(record, spectra, settings)
    return result


def _calibration(
    dataset: Dataset, folder: RunFolder, settings: RunSettings, pool: Pool
) -> Calibrate:
    """Prepare the calibration of planets into the folder of a run."""
    return partial(
        iter_calibrations,
        dataset,
        folder=folder.products,
        settings=settings.calibration,
        pool=pool,
    )


def extract_spectra(
    paths: Sequence[Path],
    *,
    line: LoadedLine,
    prior: SpectrumPrior,
    recipe: Literal["full", "quick"],
    passes: Passes = IN_MEMORY,
    keep: Keep = unchanged,
) -> list[Spectrum]:
    """Take stored observations through the line.

    Parameters
    ----------
    paths : sequence of Path
        Stored observations.
    line : LoadedLine
    prior : SpectrumPrior
    recipe : {'full', 'quick'}
        What the line is called in the provenance.
    passes, keep
        As in `LoadedLine`.

    Returns
    -------
    list of Spectrum
        One per observation; ``provenance["recipe"]`` names the recipe.
    """
    spectra = line(StoredSequence(Observation, paths), prior, passes, keep)
    return [
        replace(spectrum, provenance={**spectrum.provenance, "recipe": recipe})
        for spectrum in spectra
    ]


def _gather(
    calibrations: Iterable[tuple[int, list[Path] | PlanetFailure]],
    planet_ids: Sequence[int],
    budget: Budget,
    draft: Draft,
    full: Callable[[Sequence[Path]], list[Spectrum]],
) -> tuple[list[Path], list[PlanetFailure]]:
    """Sort observations by planet, list the planets without one, and keep the draft up to date."""
    visits: dict[int, list[Path]] = {}
    failures: dict[int, PlanetFailure] = {}
    for planet, answer in calibrations:
        if isinstance(answer, PlanetFailure):
            failures[planet] = answer
        else:
            visits[planet] = answer
            draft.add(answer)
        if budget.note() and visits:
            budget.time_fit(lambda: full([path for own in visits.values() for path in own]))
    draft.refresh()
    for planet in planet_ids:
        if planet not in visits and planet not in failures:
            failures[planet] = budget.failure(planet)
    paths = [path for planet in planet_ids for path in visits.get(planet, [])]
    return paths, [failures[planet] for planet in planet_ids if planet in failures]


def learn_run_prior(
    dataset: Dataset, planet_ids: Sequence[int], train_labels: str | Path | None, seed: int
) -> SpectrumPrior:
    """Learn the prior of a run; no planet learns from its own label.

    Parameters
    ----------
    dataset : Dataset
    planet_ids : sequence of int
        Planets that will be predicted.
    train_labels : path, optional
        As in `run_pipeline`.
    seed : int
        Of the simulated spectra, where those are needed.

    Returns
    -------
    SpectrumPrior
    """
    from ariel_kit.spectral_extraction import choose_prior, simulated_prior

    path = find_labels(dataset) if train_labels is None else Path(train_labels)
    if path is None or len((labels := read_labels(path)).planet_ids) == 0:
        return simulated_prior(seed)
    depths = labels.depths[~np.isin(labels.planet_ids, planet_ids)]
    return choose_prior(depths, readable(path.resolve()), seed)


def _choose_prior(
    dataset: Dataset,
    planet_ids: Sequence[int],
    train_labels: str | Path | None,
    told: Learned | None,
    seed: int,
) -> SpectrumPrior:
    """Learn the prior from labels, unless an earlier run learned one and no labels are given."""
    if told is None or train_labels is not None:
        return learn_run_prior(dataset, planet_ids, train_labels, seed)
    return told.prior


def _taught(line: LoadedLine, learned: Learned | str | None) -> LoadedLine:
    """Let what was learned follow the line; where that is nothing, leave the line as it is."""
    if not isinstance(learned, Learned):
        return line
    return line.then(LearnedStage(learned.facts.corrections))


def _record(
    result: RunResult,
    dataset: Dataset,
    identity: RunIdentity,
    settings: RunSettings,
    weights: dict[str, str],
    submission_sha256: str,
) -> RunRecord:
    """Write down what was run, on what, how long it took and what failed."""
    recipes = Counter(s.provenance.get("recipe", "safe prior") for s in result.spectra)
    ids = [spectrum.planet_id for spectrum in result.spectra]
    # A submission may ask for more planets, and the table may be what a failure is about.
    listed = set(dataset.planets(identity.split)) - {f.planet_id for f in result.failures}
    stars = {planet: dataset.star(identity.split, planet) for planet in ids if planet in listed}
    return RunRecord(
        identity=identity,
        edition=dataset.edition.year,
        planets=len(ids),
        stars={planet: star for planet, star in stars.items() if star is not None},
        prior=result.prior.source,
        learned=describe(result.learned),
        weights=weights,
        place=find_place(),
        versions=versions(),
        seconds={stage: round(seconds, 3) for stage, seconds in result.timings.items()},
        budget=BudgetRecord(**settings.budget.model_dump(), recipes=dict(recipes)),
        failures=tuple(result.failures),
        submission_sha256=submission_sha256,
    )
