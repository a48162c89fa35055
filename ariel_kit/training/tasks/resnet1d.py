"""The task of the Bayesian ResNet-1D: errors of the real fit on planets of known truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from pydantic import Field, JsonValue
from torch import Tensor, nn

from ariel_kit.core.revisions import Part
from ariel_kit.models.registry import build_model
from ariel_kit.simulation.molecules import KNOWN_MOLECULES, TEMPERATURES, log_cross_section
from ariel_kit.training.losses import beta_nll
from ariel_kit.training.pools.fitted import CHUNK, FittedPlanets, fitted_chunks
from ariel_kit.training.pools.folder import find_editions, labelled_folds
from ariel_kit.training.pools.observed import fitted_folds
from ariel_kit.training.pools.stored import OBSERVED, SIMULATED
from ariel_kit.training.settings import DataSettings, TrainSettings
from ariel_kit.training.task import Batch, DataFacts

BETA = 0.5
VALIDATION_BATCH = 48


class FittedData(DataSettings):
    """Where the planets come from."""

    chunks: int = Field(12, gt=0, description=f"Simulated chunks of {CHUNK} planets.")
    validation_chunks: int = Field(2, gt=0, description="More of them, held out.")


class TaskSettings(TrainSettings):
    """Settings of this training."""

    data: FittedData = Field(default_factory=FittedData, description="What it learns from.")


class ResNet1DTask:
    """Learn corrections of fitted shapes, and the variance of the errors that remain.

    Parameters
    ----------
    settings : TaskSettings
    """

    name = "resnet1d"
    planets: FittedPlanets
    held_out: FittedPlanets

    def __init__(self, settings: TaskSettings) -> None:
        self.settings, data = settings, settings.data
        self.observed = None
        if data.folder is not None:  # mistakes in it are told before anything is fitted
            self.observed = labelled_folds(data.folder, data.labels, seed=settings.seed)

    @property
    def parts(self) -> tuple[Part, ...]:
        """Name what makes the planets."""
        return SIMULATED if self.observed is None else OBSERVED

    def prepare(self, folder: Path) -> None:
        """Simulate and fit the planets, fit the observed ones, or load them."""
        data, seed = self.settings.data, self.settings.seed
        if self.observed is None:
            parts = fitted_chunks(folder, chunks=data.chunks + data.validation_chunks, seed=seed)
            held_out, parts = parts[: data.validation_chunks], parts[data.validation_chunks :]
        else:
            *parts, last = fitted_folds(folder, *self.observed)
            held_out = [last]
        self.planets, self.held_out = map(FittedPlanets.together, (parts, held_out))

    def build(self) -> nn.Module:
        """Build the network with the cross-sections of known gases and otherwise random weights."""
        shapes = np.concatenate([log_cross_section(gas) for gas in KNOWN_MOLECULES])
        model = build_model(self.name, **{"molecules": len(shapes), **self.settings.model})
        model.set_molecules(  # type: ignore[operator]
            torch.as_tensor(shapes, dtype=torch.float32)
        )
        return model

    def batch(self, rng: np.random.Generator, size: int) -> Batch:
        """Draw planets with replacement."""
        return _batch(self.planets, rng.integers(0, len(self.planets.error), size))

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Compute the negative log-likelihood of the fit's error, weighted by beta in training."""
        answer = model(batch["features"])
        beta = BETA if model.training else 0.0
        return beta_nll(answer["correction"], answer["log_variance"], batch["error"], beta=beta)

    def validation(self) -> list[Batch]:
        """Give the planets of the chunks, or of the fold, that are held out."""
        rows = np.arange(len(self.held_out.error))
        parts = np.array_split(rows, max(1, len(rows) // VALIDATION_BATCH))
        return [_batch(self.held_out, part) for part in parts]

    def facts(self) -> DataFacts:
        """Describe the data for the card of the weights."""
        data = self.settings.data
        facts: dict[str, JsonValue] = {
            "planets": len(self.planets.error),
            "held_out": len(self.held_out.error),
            "source": data.source,
        }
        if self.observed is not None:
            return DataFacts(
                {**facts, "labels": "learned from; each fit's prior is that of other folds"},
                "Spectra fitted by this version's joint fit to light curves of planets and stars "
                "like those of the folder.",
                find_editions(self.observed[0]),
            )
        simulated: dict[str, JsonValue] = {
            "stars": "0, 1 and 100 to 899",
            "gases": [*KNOWN_MOLECULES, "pseudo"],
            "temperatures": TEMPERATURES.tolist(),
        }
        return DataFacts(
            facts | simulated,
            "Spectra fitted by this version's joint fit to light curves of the kit's simulator, "
            "smooth over a few channels.",
        )


def make_task(settings: TaskSettings) -> ResNet1DTask:
    """Make the task of these settings.

    Raises
    ------
    ConfigError
        If a folder has no labels, or too few for a prior out of fold.
    """
    return ResNet1DTask(settings)


def _batch(planets: FittedPlanets, rows: np.ndarray) -> Batch:
    return {
        "features": torch.from_numpy(planets.features[rows]),
        "error": torch.from_numpy(planets.error[rows]),
    }
