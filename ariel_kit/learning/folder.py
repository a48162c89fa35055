"""Learning from the labelled planets of a data folder."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from ariel_kit.core.cache import StoredSequence, fingerprint
from ariel_kit.core.config import RunSettings
from ariel_kit.core.errors import DataFileError
from ariel_kit.core.instruments import AIRS
from ariel_kit.core.observation import Observation
from ariel_kit.core.parallel import PlanetFailure
from ariel_kit.core.passes import IN_MEMORY, Passes, open_passes
from ariel_kit.core.revisions import current_revisions
from ariel_kit.core.words import counted
from ariel_kit.data.dataset import Dataset, Labels, find_labels, open_split, read_labels
from ariel_kit.learning.learn import Lesson, label_free_prior, require_planets, study
from ariel_kit.learning.learned import (
    JSON_FILE,
    Learned,
    LearnedFacts,
    LineFacts,
    Quality,
    load_facts,
)
from ariel_kit.run.line import LoadedLine, load_line
from ariel_kit.run.products import iter_calibrations

log = logging.getLogger(__name__)

SPLIT = "train"
"""Default split of the labelled planets."""

Calibrate = Callable[..., Iterator[tuple[int, list[Path] | PlanetFailure]]]
"""`iter_calibrations` with its data set and settings bound."""


@dataclass(frozen=True)
class LabelledPlanets:
    """The labelled planets of a data folder.

    Attributes
    ----------
    dataset : Dataset
    split : str
        Split that the planets belong to.
    labels : Labels
        True spectra that may be learned from.
    chosen : tuple of int
        Planets with labels and frames that are to be calibrated, in random order.
    """

    dataset: Dataset
    split: str
    labels: Labels
    chosen: tuple[int, ...]

    @classmethod
    def find(
        cls,
        dataset: Dataset,
        table: Path | None,
        settings: RunSettings,
        *,
        split: str = SPLIT,
        avoid: Collection[int] = (),
    ) -> LabelledPlanets:
        """Read the labels and choose labelled planets of a split, as `choose` does.

        Parameters
        ----------
        dataset : Dataset
        table : Path, optional
            Table of labels; None if the data set has none.
        settings : RunSettings
        split : str
            Split that the planets belong to.
        avoid : collection of int
            Planets that will be predicted; their labels are left out.

        Raises
        ------
        DataFileError
            If there is no table, or for the reasons of `choose`.
        """
        if table is None:
            raise DataFileError(f"{dataset.root} holds no labels; give a table of labels.")
        table_labels = read_labels(table)
        keep = ~np.isin(table_labels.planet_ids, list(avoid))
        labels = Labels(table_labels.planet_ids[keep], table_labels.depths[keep])
        return cls.choose(dataset, labels, settings, split=split)

    @classmethod
    def choose(
        cls, dataset: Dataset, labels: Labels, settings: RunSettings, *, split: str
    ) -> LabelledPlanets:
        """Choose labelled planets with frames, at random.

        Raises
        ------
        DataFileError
            If there are fewer than `FEWEST`, or the settings switch learning off.
        """
        if settings.learning.mode == "off":
            raise DataFileError("learning is switched off by learning.mode=off.")
        if settings.extraction.extractor == "white":
            raise DataFileError(
                "learned corrections need the joint fit; extraction.extractor is 'white'."
            )
        listed = set(dataset.planets(split)) if dataset.lists(split) else set()
        there = [
            p for p in labels.planet_ids.tolist() if p in listed and _has_frames(dataset, split, p)
        ]
        require_planets(len(there), "with frames")
        order = np.random.default_rng(settings.seed).permutation(len(there)).tolist()
        chosen = tuple(there[i] for i in order[: settings.learning.planets])
        return cls(dataset, split, labels, chosen)

    def stars(self) -> dict[int, str]:
        """Map each labelled planet to its star; one without a known star has its own group."""
        listed = set(self.dataset.planets(self.split))
        ids = self.labels.planet_ids.tolist()
        stars = {p: self.dataset.star(self.split, p) for p in ids if p in listed}
        return {p: f"star {s}" if (s := stars.get(p)) is not None else f"of {p}" for p in ids}

    def calibrate(self, handed: Iterable[int], calibrate: Calibrate) -> dict[int, list[Path]]:
        """Calibrate planets; those that fail are logged and left out.

        Parameters
        ----------
        handed : iterable of int
            The chosen planets; the iterable ends early when the time for them is spent.
        calibrate : callable
            `iter_calibrations` of this data set.

        Returns
        -------
        dict of int to list of Path
            Stored observations of each planet.
        """
        answers = calibrate(handed, total=len(self.chosen), split=self.split)
        return {p: paths for p, paths in answers if not isinstance(paths, PlanetFailure)}

    def lesson(
        self,
        visits: Mapping[int, Sequence[Path]],
        line: LoadedLine,
        seed: int,
        passes: Passes = IN_MEMORY,
    ) -> Lesson:
        """Fit the light curves of calibrated planets, without any label.

        Parameters
        ----------
        visits : mapping of int to sequence of Path
            Stored observations of each planet.
        line : LoadedLine
        seed : int
            Seed of the folds, and of the simulated prior under which light curves are fitted.
        passes : Passes
            Processes that the fit runs in.
        """
        paths = [path for planet in sorted(visits) for path in visits[planet]]
        fitted = line.fit(StoredSequence(Observation, paths), label_free_prior(seed), passes)
        return Lesson(fitted, self.labels, self.stars(), tuple(sorted(visits)), seed)


def learn_folder(
    data_dir: str | Path,
    output_dir: str | Path,
    *,
    labels: str | Path | None = None,
    split: str = SPLIT,
    settings: RunSettings | None = None,
    models_dir: str | Path | None = None,
    n_jobs: int = 1,
    backend: str | None = None,
    address: str | None = None,
) -> Learned:
    """Learn corrections from the labelled planets of a data folder, for use by `run_pipeline`.

    Calibrated planets are kept in ``output_dir / "products"``, so that the same call continues
    where an earlier one was interrupted.

    Parameters
    ----------
    data_dir, output_dir : path
        Folder of the data, and folder that the result is written to.
    labels : path, optional
        Table of labels; by default that of the data folder.
    split : str
        Split that the labelled planets belong to.
    settings : RunSettings, optional
        Settings of the runs that will use the corrections.
    models_dir : path, optional
        As in `run_pipeline`.
    n_jobs, backend, address
        As in `run_pipeline`.

    Returns
    -------
    Learned

    Raises
    ------
    DataFileError
        If the folder, its tables or the labels cannot be read, or if fewer than `FEWEST` labelled
        planets can be fitted.
    """
    settings, output = settings or RunSettings(), Path(output_dir)
    dataset = open_split(data_dir, split, output_dir=output)
    line = load_line(settings, models_dir, edition=dataset.edition.year)
    table = find_labels(dataset) if labels is None else Path(labels)
    planets = LabelledPlanets.find(dataset, table, settings, split=split)
    with open_passes(output, n_jobs, backend, address) as passes:
        calibrate = partial(
            iter_calibrations,
            dataset,
            folder=output / "products",
            settings=settings.calibration,
            pool=passes.pool,
        )
        visits = planets.calibrate(planets.chosen, calibrate)
        return learn_from(
            planets,
            visits,
            line=line,
            settings=settings,
            folder=output,
            passes=passes,
        )


def learn_from(
    planets: LabelledPlanets,
    visits: Mapping[int, Sequence[Path]],
    *,
    line: LoadedLine,
    settings: RunSettings,
    folder: Path,
    passes: Passes = IN_MEMORY,
) -> Learned:
    """Learn from calibrated planets, or load the result from `folder` if it holds it already.

    Parameters
    ----------
    planets : LabelledPlanets
    visits : mapping of int to sequence of Path
        Stored observations of the planets that could be calibrated.
    line : LoadedLine
        Pipeline that fits the planets.
    settings : RunSettings
        Settings of that pipeline.
    folder : Path
        Folder that the result is saved in.
    passes : Passes
        Processes that the fit runs in.

    Returns
    -------
    Learned

    Raises
    ------
    DataFileError
        If fewer than `FEWEST` labelled planets could be calibrated and fitted.
    """
    require_planets(len(visits), "that could be calibrated in time")
    facts, origin = LineFacts.of(settings, line), _origin(planets, visits, settings.seed)
    if (kept := _load_kept(folder, origin, facts)) is not None:
        log.info("%s holds the corrections learned from these planets; they are reused", folder)
        return kept
    log.info("learning from %s", counted(len(visits), "labelled planet"))
    lesson = planets.lesson(visits, line, settings.seed, passes)
    edition = planets.dataset.edition.year
    corrections, trial, gains = study(lesson, edition)
    prior = lesson.prior()
    learned = Learned(
        LearnedFacts(
            edition=edition,
            revisions=current_revisions("calibration", "fit"),
            line=facts,
            origin=origin,
            planets=tuple(planets.labels.planet_ids.tolist()),
            fitted=len(trial.planet_ids),
            corrections=corrections,
            gains=gains,
            shipped=Quality.of(trial.report(edition, learned=False).total),
            learned=Quality.of(trial.report(edition, learned=True).total),
            prior=prior.source,
            spread=prior.spread,
        ),
        prior,
        trial,
    )
    learned.save(folder)
    return learned


def _load_kept(folder: Path, origin: str, line: LineFacts) -> Learned | None:
    """Load what the same pipeline learned from the same files; None if there is no such result."""
    if not (folder / JSON_FILE).is_file():
        return None
    try:
        facts = load_facts(folder)
        same = facts.origin == origin and facts.line == line
        return Learned.load(folder) if same else None
    except DataFileError as damage:
        log.warning("the stored corrections cannot be read and are learned again: %s", damage)
        return None


def _origin(planets: LabelledPlanets, visits: Mapping[int, Sequence[Path]], seed: int) -> str:
    """Compute a hash of the files, the labels and the seed that are learned from."""
    paths = [path for planet in sorted(visits) for path in visits[planet]]
    files = fingerprint(sorted(paths), ("calibration", "fit"))
    labels = planets.labels.planet_ids.tobytes() + planets.labels.depths.tobytes()
    text = json.dumps([files, hashlib.sha256(labels).hexdigest(), planets.stars(), seed])
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _has_frames(dataset: Dataset, split: str, planet_id: int) -> bool:
    """Test whether a planet's AIRS frames exist."""
    return dataset.signal_path(split, planet_id, AIRS).is_file()
