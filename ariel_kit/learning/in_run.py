"""What a run learns for itself, and what it takes over from an earlier one."""

from __future__ import annotations

import logging
from collections.abc import Collection
from pathlib import Path

from ariel_kit.core.config import RunSettings
from ariel_kit.core.errors import ConfigError, DataFileError
from ariel_kit.core.words import counted
from ariel_kit.data.dataset import Dataset, find_labels
from ariel_kit.learning.folder import Calibrate, LabelledPlanets, learn_from
from ariel_kit.learning.learned import Learned, LineFacts
from ariel_kit.run.budget import Budget
from ariel_kit.run.line import LoadedLine

log = logging.getLogger(__name__)

NOTHING = "nothing: "
"""How the sentence of a run begins that learned nothing."""


def take_over(
    path: str | Path,
    dataset: Dataset,
    planet_ids: Collection[int],
    *,
    line: LoadedLine,
    settings: RunSettings,
) -> Learned:
    """Load what an earlier run learned, for planets of this one.

    Parameters
    ----------
    path : path
        Folder that ``ariel-kit learn`` wrote, or ``learned`` in the folder of a run.
    dataset : Dataset
    planet_ids : collection of int
        Planets that will be predicted.
    line : LoadedLine
    settings : RunSettings

    Returns
    -------
    Learned

    Raises
    ------
    DataFileError
        If a file is missing or damaged.
    ConfigError
        If it holds for another edition, revision or line, or comes from these planets.
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
) -> Learned | str:
    """Learn from the labelled planets of a data set, where it has frames of them and there is time.

    Parameters
    ----------
    dataset : Dataset
    planet_ids : collection of int
        Planets that will be predicted.
    table : path, optional
        The labels: those of the data set when left out.
    line : LoadedLine
    settings : RunSettings
    folder : Path
        Keeps what is learned.
    budget : Budget
    n_to_fit : int
        Visits of the run itself; the time for them is kept back.
    calibrate : callable
        `iter_calibrations` of this data set, into the run's folder.

    Returns
    -------
    Learned or str
        Why nothing was learned; the log says so, too.
    """
    found = find_labels(dataset) if table is None else Path(table)
    try:
        planets = LabelledPlanets.find(dataset, found, settings, avoid=planet_ids)
        visits = planets.calibrate(budget.ration_lesson(planets.chosen, n_to_fit), calibrate)
        return learn_from(planets, visits, line=line, settings=settings, folder=folder)
    except DataFileError as reason:
        log.info("sigma is the simulator's: %s", reason)
        return str(reason)


def describe(learned: Learned | str) -> str:
    """Say in a sentence what was learned, or why nothing."""
    if isinstance(learned, str):
        return f"{NOTHING}{learned}"
    facts = learned.facts
    return (
        f"scale and sigma from {counted(facts.fitted, 'labelled planet')}: out of fold "
        f"{facts.shipped.score:.3f} before, {facts.learned.score:.3f} after"
    )
