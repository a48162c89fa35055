"""What PhySNet learns from: blind light with the drift that the joint fit's model missed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field
from torch import Tensor, nn

from ariel_kit.models import create_model, find_weights, load_weights
from ariel_kit.training.blind import CHUNK, STRANGE_SHARE, BlindPlanets, blind_chunks
from ariel_kit.training.losses import student_nll
from ariel_kit.training.settings import DataSettings, TrainSettings
from ariel_kit.training.task import Batch, refuse_real_data

VALIDATION_STARS = tuple(range(900, 1000))
VALIDATION_SEED = 5_000
MAP_SHARE = 0.1
"""Weight of the map beside its four numbers along the window, which are what a depth feels."""


class BlindData(DataSettings):
    """The simulated planets."""

    chunks: int = Field(16, gt=0, description=f"Chunks of {CHUNK} planets to learn from.")
    validation_chunks: int = Field(2, gt=0, description="Chunks of other stars, held out.")


class TaskSettings(TrainSettings):
    """Settings of this training."""

    data: BlindData = Field(default_factory=BlindData, description="What it learns from.")


class PhySNetTask:
    """Learn how far the drift model is off along the window, and how sure one can be.

    Parameters
    ----------
    settings : TaskSettings
    """

    name = "physnet"

    def __init__(self, settings: TaskSettings) -> None:
        self.settings = settings
        self.planets: BlindPlanets | None = None
        self.held_out: BlindPlanets | None = None

    def prepare(self, folder: Path) -> None:
        """Simulate the planets, or load them."""
        self.planets, self.held_out = blind_pool(folder, self.settings)

    def build(self) -> nn.Module:
        """The network, its encoder pre-trained if the recipe says so."""
        model = create_model(self.name, **self.settings.model)
        source = self.settings.pretrained
        if source is not None:
            load_weights(
                model,
                find_weights("ti_mae") if source == "default" else Path(source),
                prefix="encoder.",
            )
        return model

    def batch(self, rng: np.random.Generator, size: int) -> Batch:
        """Planets drawn with replacement, half of them turned."""
        rows = rng.integers(0, len(self.planets.shift), size)
        return self.planets.take(rows, rng.choice([-1, 1], size))

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Likelihood of the true drift, along the window and over the map.

        Student's, for a step that no smooth model follows is a hundred sigma away.
        """
        truth = {name: batch[name] for name in ("true_shift", "true_drift")}
        answer = model(**{name: batch[name] for name in batch if name not in truth})
        window = student_nll(answer["shift"], 2 * answer["log_scale"], truth["true_shift"])
        everywhere = student_nll(answer["drift"], answer["log_variance"], truth["true_drift"])
        return window + MAP_SHARE * everywhere

    def validation(self) -> list[Batch]:
        """Planets of stars that training never sees."""
        rows = np.arange(len(self.held_out.shift))
        return [self.held_out.take(part) for part in np.array_split(rows, len(rows) // 64)]

    def facts(self) -> dict[str, Any]:
        """For the card."""
        return {
            "planets": len(self.planets.shift),
            "strange_drifts": STRANGE_SHARE,
            "limits": "Drifts of the simulator's family, exponential ramps, steps and waves of "
            "two to six hours; bins of 144 s over 7.5 hours.",
        }


def blind_pool(folder: Path, settings: TaskSettings) -> tuple[BlindPlanets, BlindPlanets]:
    """Planets to learn from and planets held out."""
    data, seed = settings.data, settings.seed
    learn = blind_chunks(folder, chunks=data.chunks, seed=seed)
    held_out = blind_chunks(
        folder, chunks=data.validation_chunks, seed=VALIDATION_SEED + seed, stars=VALIDATION_STARS
    )
    return BlindPlanets.together(learn), BlindPlanets.together(held_out)


def make_task(settings: TaskSettings) -> PhySNetTask:
    """The task of these settings.

    Raises
    ------
    ConfigError
        If real observations are to be learned from: nobody knows their true drift.
    """
    refuse_real_data(settings, "the true drift of an observation")
    return PhySNetTask(settings)
