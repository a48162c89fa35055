"""What a run writes down about itself, as typed records that refuse a damaged file."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Annotated, Literal

import psutil
from pydantic import BaseModel, ConfigDict, Field, field_validator

from ariel_kit.core.config import RunSettings, settings_hash
from ariel_kit.core.editions import get_edition
from ariel_kit.core.parallel import PlanetFailure
from ariel_kit.core.words import readable
from ariel_kit.data.dataset import Dataset

Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Record(BaseModel):
    """A frozen record without unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class RunIdentity(_Record):
    """What makes two runs the same one.

    Attributes
    ----------
    data : Path
        The raw folder, in full.
    split : {'train', 'test'}
    settings : str
        Hash of all settings.
    """

    data: Path
    split: Literal["train", "test"]
    settings: str

    @classmethod
    def of(cls, dataset: Dataset, split: str, settings: RunSettings) -> RunIdentity:
        """Identify the run of a data set with these settings."""
        return cls.model_validate(
            {
                "data": readable(dataset.root.resolve()),
                "split": split,
                "settings": settings_hash(settings),
            }
        )


class BudgetRecord(_Record):
    """Hours that the run had, and how it used them.

    Attributes
    ----------
    hours, margin : float
        As in `BudgetSettings`.
    recipes : dict of str to int
        How many planets have the answer of each recipe.
    """

    hours: float
    margin: float
    recipes: dict[str, int]


class RunState(_Record):
    """A run that has not finished: all that ``run.json`` holds until a first one has.

    Attributes
    ----------
    state : {'running', 'interrupted'}
        As the run itself has noted it; a killed run notes nothing, see `now`.
    process : int
    host : str
        Number of the process, and its machine.
    """

    state: Literal["running", "interrupted"]
    process: int
    host: str

    @classmethod
    def of_this_process(cls, state: Literal["running", "interrupted"]) -> RunState:
        """Note the state of the run that this process makes."""
        return cls(state=state, process=os.getpid(), host=platform.node())

    @property
    def now(self) -> Literal["running", "interrupted"]:
        """Tell the state; a run whose process is gone from this machine was interrupted.

        >>> RunState.of_this_process("running").now
        'running'
        """
        gone = self.host == platform.node() and not psutil.pid_exists(self.process)
        return "interrupted" if gone else self.state


class RunRecord(_Record):
    """The content of ``run.json``: a finished run.

    Attributes
    ----------
    state : {'finished'}
    repetition : RunState, optional
        A later run in the same folder that has not finished; the results are not its own.
    identity : RunIdentity
    edition : int
        Year of the challenge.
    planets : int
    stars : dict of int to int
        Planet to star, for planets whose star has a number.
    prior : str
        Where the prior on spectra was learned.
    learned : str
        What labelled planets taught, in a sentence, or why they taught nothing.
    weights : dict of str to str
        SHA-256 of each learned stage's weights.
    place : str
        Where the run was made, as `find_place` tells.
    versions : dict of str to str
    seconds : dict of str to float
        Time of each part of the run.
    budget : BudgetRecord
    failures : tuple of PlanetFailure
        Planets that have the safe prior, and why.
    submission_sha256 : str
        Of the submission as the run left it.
    """

    state: Literal["finished"] = "finished"
    repetition: RunState | None = None
    identity: RunIdentity
    edition: int
    planets: int
    stars: dict[int, int]
    prior: str
    learned: str
    weights: dict[str, str]
    place: str
    versions: dict[str, str]
    seconds: dict[str, Seconds]
    budget: BudgetRecord
    failures: tuple[PlanetFailure, ...]
    submission_sha256: str

    @property
    def measured(self) -> int:
        """Number of planets that have the answer of the full fit."""
        return self.budget.recipes.get("full", 0)

    @field_validator("edition")
    @classmethod
    def _is_known(cls, year: int) -> int:
        return get_edition(year).year
