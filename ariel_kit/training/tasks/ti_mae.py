"""What Ti-MAE learns from: blind light without any truth, stretches of it hidden."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ariel_kit.denoising.encoder import PATCH
from ariel_kit.denoising.ti_mae import draw_hidden
from ariel_kit.models import create_model
from ariel_kit.training.blind import BlindPlanets
from ariel_kit.training.losses import masked_reconstruction_loss
from ariel_kit.training.task import Batch, refuse_real_data
from ariel_kit.training.tasks.physnet import TaskSettings, blind_pool

__all__ = ["TaskSettings", "TiMAETask", "make_task"]


class TiMAETask:
    """Learn what light looks like by filling in what is hidden.

    Parameters
    ----------
    settings : TaskSettings
    """

    name = "ti_mae"

    def __init__(self, settings: TaskSettings) -> None:
        self.settings = settings
        self.planets: BlindPlanets | None = None
        self.held_out: BlindPlanets | None = None

    def prepare(self, folder: Path) -> None:
        """Simulate the planets, or load them."""
        self.planets, self.held_out = blind_pool(folder, self.settings)

    def build(self) -> nn.Module:
        """The network, with random weights."""
        return create_model(self.name, **self.settings.model)

    def batch(self, rng: np.random.Generator, size: int) -> Batch:
        """Planets drawn with replacement, half of them turned."""
        rows = rng.integers(0, len(self.planets.shift), size)
        return _hide(self.planets.take(rows, rng.choice([-1, 1], size)), rng)

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Squared error where the network could not look."""
        hidden = batch["hidden"].repeat_interleave(PATCH, dim=1)[:, None, :, None]
        filled = model(batch["maps"], batch["hidden"])
        return masked_reconstruction_loss(filled, batch["maps"], hidden)

    def validation(self) -> list[Batch]:
        """Planets of stars that training never sees, always with the same masks."""
        rows = np.array_split(np.arange(len(self.held_out.shift)), len(self.held_out.shift) // 64)
        return [
            _hide(self.held_out.take(part), np.random.default_rng(k)) for k, part in enumerate(rows)
        ]

    def facts(self) -> dict[str, Any]:
        """For the card."""
        return {
            "planets": len(self.planets.shift),
            "limits": "Pre-trains the encoder of PhySNet; says nothing about a planet by itself.",
        }


def _hide(batch: Batch, rng: np.random.Generator) -> Batch:
    generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
    return {"maps": batch["maps"], "hidden": draw_hidden(len(batch["maps"]), generator)}


def make_task(settings: TaskSettings) -> TiMAETask:
    """The task of these settings.

    Raises
    ------
    ConfigError
        If real observations are to be learned from: the pool is made of simulated ones.
    """
    refuse_real_data(settings, "the window that takes the depths out of an observation")
    return TiMAETask(settings)
