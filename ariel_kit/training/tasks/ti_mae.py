"""The task of Ti-MAE: light curves without the transit, with hidden stretches of time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ariel_kit.denoising.encoder import PATCH
from ariel_kit.denoising.ti_mae import draw_hidden
from ariel_kit.training.losses import masked_reconstruction_loss
from ariel_kit.training.pools.blind import BlindPlanets
from ariel_kit.training.pools.folder import find_editions, observed_folds
from ariel_kit.training.pools.observed import blind_folds
from ariel_kit.training.task import Batch, DataFacts
from ariel_kit.training.tasks.blind import BlindTask, TaskSettings

__all__ = ["TaskSettings", "TiMAETask", "make_task"]


class TiMAETask(BlindTask):
    """Learn the structure of light curves by filling in hidden stretches."""

    name = "ti_mae"

    def __init__(self, settings: TaskSettings) -> None:
        super().__init__(settings)
        self.observed = []
        if settings.data.folder is not None:  # a wrong one is told before anything is fitted
            self.observed = observed_folds(settings.data.folder, seed=settings.seed)

    def prepare(self, folder: Path) -> None:
        """Simulate the planets, fit the observed ones, or load them."""
        if not self.observed:
            super().prepare(folder)
            return
        *parts, self.held_out = blind_folds(folder, self.observed, seed=self.settings.seed)
        self.planets = BlindPlanets.together(parts)

    def batch(self, rng: np.random.Generator, size: int) -> Batch:
        """Draw planets with replacement; flip the sign of half, and hide half of the time."""
        return _hide(super().batch(rng, size), rng)

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Compute the mean squared error over the hidden stretches."""
        hidden = batch["hidden"].repeat_interleave(PATCH, dim=1)[:, None, :, None]
        filled = model(batch["maps"], batch["hidden"])
        return masked_reconstruction_loss(filled, batch["maps"], hidden)

    def validation(self) -> list[Batch]:
        """Give planets that training never sees, always with the same masks."""
        parts = super().validation()
        return [_hide(part, np.random.default_rng(k)) for k, part in enumerate(parts)]

    def facts(self) -> DataFacts:
        """Describe the data for the card of the weights."""
        return DataFacts(
            data={
                "planets": len(self.planets),
                "held_out": len(self.held_out),
                "source": self.settings.data.source,
            },
            limits="Pre-trains the encoder of PhySNet; says nothing about a planet by itself.",
            editions=find_editions(self.observed),
        )


def _hide(batch: Batch, rng: np.random.Generator) -> Batch:
    generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
    return {"maps": batch["maps"], "hidden": draw_hidden(len(batch["maps"]), generator)}


def make_task(settings: TaskSettings) -> TiMAETask:
    """Make the task of these settings.

    Raises
    ------
    ConfigError
        If a folder holds too few observations to learn from.
    """
    return TiMAETask(settings)
