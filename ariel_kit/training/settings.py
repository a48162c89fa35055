"""Settings that every training has; the file of each task adds its own data settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, JsonValue, field_validator, model_validator

from ariel_kit.core.config import LARGEST_SEED, Settings
from ariel_kit.core.errors import ConfigError


class DataSettings(Settings):
    """Where a task's data come from; simulated on the fly unless a folder is given."""

    folder: Path | None = Field(
        None, description="Observations, as `ariel-kit calibrate` writes them; simulated if none."
    )
    labels: Path | None = Field(None, description="Their true spectra; ti_mae needs none.")

    @model_validator(mode="after")
    def _labels_have_observations(self) -> Self:
        if self.labels is not None and self.folder is None:
            raise ConfigError("labels need a folder: the observations that they belong to.")
        return self

    @property
    def source(self) -> str:
        """Describe for the card where the data come from, without a path of this machine."""
        return "simulated planets" if self.folder is None else "observations of a folder"

    @property
    def licence(self) -> str:
        """Name the licence of the weights: the simulator's, or none where others own the data."""
        return "MIT" if self.folder is None else ""


class LoopSettings(Settings):
    """How a network is trained."""

    steps: int = Field(2000, gt=0, description="Steps of the optimiser, at most.")
    batch_size: int = Field(32, gt=0, description="Items of a step, over all devices together.")
    learning_rate: float = Field(1e-3, gt=0, description="Highest learning rate.")
    warmup_steps: int = Field(100, ge=0, description="Steps in which the learning rate rises.")
    weight_decay: float = Field(0.05, ge=0, description="Decay of matrices; vectors have none.")
    clip_norm: float = Field(1.0, gt=0, description="Longest gradient.")
    ema_decay: float = Field(0.999, ge=0, lt=1, description="Memory of the averaged weights.")
    validate_every: int = Field(
        100, gt=0, description="Steps from one validation, and checkpoint, to the next."
    )
    patience: int = Field(10, gt=0, description="Validations without a new best before it stops.")
    precision: Literal["no", "fp16", "bf16"] = Field(
        "no", description="Mixed precision of the network; the loss is always in float32."
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="auto takes a GPU where one is."
    )

    @field_validator("precision", mode="before")
    @classmethod
    def _no_is_a_word(cls, value: Any) -> Any:
        """Restore the word ``no``, which YAML reads as false."""
        return "no" if value is False else value


class TrainSettings(Settings):
    """One training; a recipe in YAML holds these keys."""

    task: str = Field(description="What is trained: a name in `ariel_kit.training.tasks`.")
    seed: int = Field(
        0, ge=0, le=LARGEST_SEED, description="Seed of the data, the weights and the steps."
    )
    pretrained: str | None = Field(
        None, description="Weights to start from: default, or a weights folder."
    )
    model: dict[str, JsonValue] = Field(
        default_factory=dict, description="Arguments of the network that differ from its defaults."
    )
    data: DataSettings = Field(default_factory=DataSettings, description="What it learns from.")
    loop: LoopSettings = Field(default_factory=LoopSettings, description="How it is trained.")

    def for_card(self) -> dict[str, JsonValue]:
        """Write the settings as JSON with the last part of each path, since cards are shared."""
        values = self.model_dump(mode="json")
        places = (values, "pretrained"), (values["data"], "folder"), (values["data"], "labels")
        for group, name in places:
            group[name] = group[name] and Path(group[name]).name
        return values
