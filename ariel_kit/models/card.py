"""Model cards: what weights are, where they come from, and what they may be used for."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field, JsonValue, field_validator

from ariel_kit.core.cache import atomic_path
from ariel_kit.core.config import Settings, make_settings
from ariel_kit.core.editions import EDITIONS, get_edition
from ariel_kit.core.errors import ConfigError, WeightsError
from ariel_kit.core.revisions import describe_change

FIRST_EDITION = EDITIONS[0].year


def find_objection(
    what: str, *, editions: Sequence[int], revisions: Mapping[str, int], edition: int
) -> str | None:
    """Give the reason why something learned must not be used on data of an edition; None if it may.

    Parameters
    ----------
    what : str
        Its name in the sentence.
    editions : sequence of int
        Years that it holds for.
    revisions : mapping of str to int
        Revisions (`ariel_kit.core.revisions`) that it is valid for: those that made the data it was
        learned from, or later ones with which its gain was measured again.
    edition : int
        Year of the data.

    Examples
    --------
    >>> find_objection("the clock", editions=[2024], revisions={"fit": 0}, edition=2025)
    'the clock holds for edition 2024, and the data are of 2025: learn it anew'
    """
    if edition not in editions:
        years = " and ".join(map(str, editions)) or "none"
        return f"{what} holds for edition {years}, and the data are of {edition}: learn it anew"
    if not revisions:
        return f"{what} does not state what made it: learn it anew"
    change = describe_change(revisions)
    return change and f"{what} was made by {change}: learn it anew"


class ModelCard(Settings):
    """State where weights come from and what they may be used for.

    `save_weights` fills in the last four fields.

    Examples
    --------
    >>> card = ModelCard(model="resnet1d", licence="MIT", revisions={"fit": 0})
    >>> card.objection(2025)
    'what resnet1d learned holds for edition 2024, and the data are of 2025: learn it anew'
    """

    model_config = ConfigDict(strict=True)

    model: str = Field(min_length=1, description="Name of the network.")
    licence: str = Field("", description="Licence of the weights; empty if nobody stated one.")
    editions: list[int] = Field(
        [FIRST_EDITION], min_length=1, description="Years of the challenge that they hold for."
    )
    revisions: dict[str, Annotated[int, Field(ge=0)]] = Field(
        default_factory=dict,
        description="Revisions they hold for: those of their data, or later ones measured again.",
    )
    data: dict[str, JsonValue] = Field(default_factory=dict, description="What they learned from.")
    settings: dict[str, JsonValue] = Field(
        default_factory=dict, description="Settings of the training."
    )
    seed: int = Field(0, ge=0, lt=2**63, description="Seed of the training.")
    command: str = Field("", description="The command that trained them.")
    score: float | None = Field(None, allow_inf_nan=False, description="Validation loss.")
    limits: str = Field("", description="What they are not made for.")
    config: dict[str, JsonValue] = Field(
        default_factory=dict, description="Arguments that build the network."
    )
    parameters: int = Field(0, ge=0, lt=2**63, description="Number of trained numbers.")
    kit_version: str = Field("", description="Version of the kit.")
    sha256: str = Field(
        "", pattern="^([0-9a-f]{64})?$", description="Checksum of ``model.safetensors``."
    )

    @field_validator("editions")
    @classmethod
    def _were_held(cls, years: list[int]) -> list[int]:
        return [get_edition(year).year for year in years]

    def objection(self, edition: int) -> str | None:
        """Give the reason why these weights must not be used on an edition; None if they may.

        Parameters
        ----------
        edition : int
            Year of the data.
        """
        return find_objection(
            f"what {self.model} learned",
            editions=self.editions,
            revisions=self.revisions,
            edition=edition,
        )

    def save(self, path: Path) -> None:
        """Write as JSON."""
        text = json.dumps(self.model_dump(mode="json"), indent=1)
        with atomic_path(path) as unfinished:
            unfinished.write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> ModelCard:
        """Read what `save` wrote.

        Raises
        ------
        WeightsError
            If the file is missing or damaged; every field that is wrong is named.
        """
        if not path.is_file():
            raise WeightsError(
                f"{path} is missing: give a folder that save_weights or train wrote."
            )
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except (ValueError, RecursionError) as error:
            raise WeightsError(f"{path} is no card ({error}): copy or train it again.") from error
        if not isinstance(values, dict):
            raise WeightsError(f"{path} is no card, which is a mapping: copy or train it again.")
        try:
            return make_settings(cls, values, where=f"{path} is no card")
        except ConfigError as error:
            raise WeightsError(f"{error}\nCopy the card, or train the weights again.") from error
