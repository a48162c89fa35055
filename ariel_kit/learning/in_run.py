"""Learning from labelled planets within a run, and reuse of what an earlier run learned."""

from __future__ import annotations

import logging
from collections.abc import Collection
from pathlib import Path

from ariel_kit.core.config import RunSettings
from ariel_kit.core.errors import ConfigError, DataFileError
from ariel_kit.core.passes import IN_MEMORY, Passes
from ariel_kit.core.words import counted
from ariel_kit.data.dataset import Dataset, find_labels
from ariel_kit.learning.folder import Calibrate, LabelledPlanets, learn_from
from ariel_kit.learning.learned import Learned, LineFacts
from ariel_kit.run.budget import Budget
from ariel_kit.run.line import LoadedLine

log = logging.getLogger(__name__)

NOTHING = "nothing: "
"""Prefix of the text that describes a run without learned corrections."""


def take_over(
    path: str | Path,
    dataset: Dataset,
    planet_ids: Collection[int],
    *,
    line: LoadedLine,
    settings: RunSettings,
) -> Learned:
    """Load what an earlier run learned, and check that this run may use it.

    Parameters
    ----------
    path : path
        Folder that ``ariel-kit learn`` wrote, or ``learned`` in the folder of a run.
    dataset : Dataset
        Data of this run.
    planet_ids : collection of int
        Planets that will be predicted.
    line : LoadedLine
        Pipeline of this run.
    settings : RunSettings
        Settings of this run.

    Returns
    -------
    Learned

    Raises
    ------
    DataFileError
        If a file is missing or damaged.
    ConfigError
        If it was learned for another edition, revision or pipeline, or from labels of planets that
        will be predicted.
    """
    learned = Learned.load(path)
    objection = learned.objection(dataset.edition.year, LineFacts.of(settings, line), planet_ids)
    if objection is not None:
        raise ConfigError(f"{path} must not be used here: {objection}.")
    return learned


def learn_in_run(
    dataset: Dataset,
    planet_ids: Collection[int],
    table: str | Path | None,
    line: LoadedLine,
    settings: RunSettings,
    folder: Path,
    budget: Budget,
    *,
    n_to_fit: int,
    calibrate: Calibrate,
    passes: Passes = IN_MEMORY,
) -> Learned | str:
    """Learn from the labelled planets of a data set, if it has their frames and time allows.

    Parameters
    ----------
    dataset : Dataset
    planet_ids : collection of int
        Planets that will be predicted; their labels are not used.
    table : path, optional
        Table of labels; by default that of the data set.
    line : LoadedLine
        Pipeline that fits the labelled planets.
    settings : RunSettings
    folder : Path
        Folder that the result is saved in.
    budget : Budget
        Time budget of the run.
    n_to_fit : int
        Number of visits that the run will predict; the time for them is reserved.
    calibrate : callable
        `iter_calibrations` of this data set, into the run's folder.
    passes : Passes
        Processes that the fit runs in.

    Returns
    -------
    Learned or str
        The learned corrections, or the reason why nothing was learned, which is also logged.
    """
    labels = find_labels(dataset) if table is None else Path(table)
    try:
        planets = LabelledPlanets.find(dataset, labels, settings, avoid=planet_ids)
        visits = planets.calibrate(budget.ration_lesson(planets.chosen, n_to_fit), calibrate)
        return learn_from(
            planets, visits, line=line, settings=settings, folder=folder, passes=passes
        )
    except DataFileError as reason:
        log.info("no corrections are learned from labels: %s", reason)
        return str(reason)


def describe(learned: Learned | str) -> str:
    """Describe in one line what was learned, or why nothing was."""
    if isinstance(learned, str):
        return f"{NOTHING}{learned}"
    facts = learned.facts
    return (
        f"scale and sigma from {counted(facts.fitted, 'labelled planet')}: out-of-fold "
        f"score {facts.shipped.score:.3f} before, {facts.learned.score:.3f} after"
    )
