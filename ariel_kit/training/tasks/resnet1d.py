"""What the Bayesian ResNet-1D learns from: the real fit's errors on simulated planets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from ariel_kit.models import create_model
from ariel_kit.simulation.molecules import KNOWN_MOLECULES, TEMPERATURES, log_cross_section
from ariel_kit.training.fitted import CHUNK, FittedPlanets, fitted_chunks
from ariel_kit.training.losses import beta_nll
from ariel_kit.training.settings import DataSettings, TrainSettings
from ariel_kit.training.task import Batch, refuse_real_data

BETA = 0.5


class FittedData(DataSettings):
    """The simulated planets."""

    chunks: int = Field(12, gt=0, description=f"Chunks of {CHUNK} planets to learn from.")
    validation_chunks: int = Field(2, gt=0, description="More chunks, held out.")


class TaskSettings(TrainSettings):
    """Settings of this training."""

    data: FittedData = Field(default_factory=FittedData, description="What it learns from.")


class ResNet1DTask:
    """Learn by how much fitted shapes are wrong, and how wrong they stay.

    Parameters
    ----------
    settings : TaskSettings
    """

    name = "resnet1d"
    planets: FittedPlanets
    held_out: FittedPlanets

    def __init__(self, settings: TaskSettings) -> None:
        self.settings = settings

    def prepare(self, folder: Path) -> None:
        """Simulate and fit the planets, or load them."""
        data, seed = self.settings.data, self.settings.seed
        parts = fitted_chunks(folder, chunks=data.chunks + data.validation_chunks, seed=seed)
        self.held_out = FittedPlanets.together(parts[: data.validation_chunks])
        self.planets = FittedPlanets.together(parts[data.validation_chunks :])

    def build(self) -> nn.Module:
        """The network with the shapes of the known gases and otherwise random weights."""
        shapes = np.concatenate([log_cross_section(gas) for gas in KNOWN_MOLECULES])
        model = create_model(self.name, **{"molecules": len(shapes), **self.settings.model})
        model.set_molecules(  # type: ignore[operator]
            torch.as_tensor(shapes, dtype=torch.float32)
        )
        return model

    def batch(self, rng: np.random.Generator, size: int) -> Batch:
        """Planets drawn with replacement."""
        return _batch(self.planets, rng.integers(0, len(self.planets.error), size))

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Negative log-likelihood of the fit's error; beta-weighted where the network learns."""
        answer = model(batch["features"])
        beta = BETA if model.training else 0.0
        return beta_nll(answer["correction"], answer["log_variance"], batch["error"], beta=beta)

    def validation(self) -> list[Batch]:
        """Planets of chunks that are held out."""
        rows = np.arange(len(self.held_out.error))
        return [_batch(self.held_out, part) for part in np.array_split(rows, len(rows) // 48)]

    def facts(self) -> dict[str, Any]:
        """For the card."""
        return {
            "planets": len(self.planets.error),
            "held_out": len(self.held_out.error),
            "stars": "0, 1 and 100 to 899",
            "gases": [*KNOWN_MOLECULES, "pseudo"],
            "temperatures": TEMPERATURES.tolist(),
            "limits": "Spectra fitted by this version's joint fit to light curves of the kit's "
            "simulator, smooth over a few channels.",
        }


def make_task(settings: TaskSettings) -> ResNet1DTask:
    """The task of these settings.

    Raises
    ------
    ConfigError
        If labelled planets of a folder are to be learned from: a prior that has seen the labels
        makes their fits better than those of planets to come.
    """
    refuse_real_data(
        settings,
        "simulated planets",
        "fits of labelled ones have seen the labels in their prior",
    )
    return ResNet1DTask(settings)


def _batch(planets: FittedPlanets, rows: np.ndarray) -> Batch:
    return {
        "features": torch.from_numpy(planets.features[rows]),
        "error": torch.from_numpy(planets.error[rows]),
    }
