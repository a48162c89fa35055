"""Shared parts of the two denoising tasks: training planets and held-out planets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydantic import Field
from torch import nn

from ariel_kit.core.revisions import Part
from ariel_kit.models.registry import build_model
from ariel_kit.training.pools.blind import CHUNK, BlindPlanets, blind_chunks
from ariel_kit.training.pools.stored import OBSERVED, SIMULATED
from ariel_kit.training.settings import DataSettings, TrainSettings
from ariel_kit.training.task import Batch

VALIDATION_STARS = tuple(range(900, 1000))
VALIDATION_SEED = 5_000
VALIDATION_BATCH = 64


class BlindData(DataSettings):
    """Where the planets come from."""

    chunks: int = Field(16, gt=0, description=f"Simulated chunks of {CHUNK} planets.")
    validation_chunks: int = Field(
        2, gt=0, description="Simulated chunks of other stars, held out."
    )


class TaskSettings(TrainSettings):
    """Settings of a training on depth-free residuals."""

    data: BlindData = Field(default_factory=BlindData, description="What it learns from.")


class BlindTask:
    """Draw planets with known drift as the denoising stage sees them; subclasses add the loss.

    Parameters
    ----------
    settings : TaskSettings
    """

    name: str
    planets: BlindPlanets
    held_out: BlindPlanets

    def __init__(self, settings: TaskSettings) -> None:
        self.settings = settings

    @property
    def parts(self) -> tuple[Part, ...]:
        """Name what makes the planets."""
        return SIMULATED if self.settings.data.folder is None else OBSERVED

    def prepare(self, folder: Path) -> None:
        """Simulate the planets, or load them."""
        data, seed = self.settings.data, self.settings.seed
        self.planets = blind_chunks(folder, chunks=data.chunks, seed=seed)
        self.held_out = blind_chunks(
            folder,
            chunks=data.validation_chunks,
            seed=VALIDATION_SEED + seed,
            stars=VALIDATION_STARS,
        )

    def build(self) -> nn.Module:
        """Build the network with random weights."""
        return build_model(self.name, **self.settings.model)

    def batch(self, rng: np.random.Generator, size: int) -> Batch:
        """Draw planets with replacement, and flip the sign of half of them."""
        rows = rng.integers(0, len(self.planets), size)
        return self.planets.take(rows, rng.choice([-1, 1], size))

    def validation(self) -> list[Batch]:
        """Give planets that training never sees; simulated ones are of other stars."""
        rows = np.arange(len(self.held_out))
        parts = np.array_split(rows, max(1, len(rows) // VALIDATION_BATCH))
        return [self.held_out.take(part) for part in parts]
