"""A linear regression as a network and as a task of the kit: its optimum has a closed form."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

from ariel_kit.models import create_model
from ariel_kit.training.loop import train
from ariel_kit.training.settings import TrainSettings
from ariel_kit.training.task import DataFacts

N_FEATURES = 3
LOOP = {"batch_size": 64, "validate_every": 10, "warmup_steps": 5, "device": "cpu"}


class Line(nn.Module):
    """A linear regression, with dropout where asked for."""

    def __init__(self, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.config = {"dropout": dropout}
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(N_FEATURES, 1)

    def example_inputs(self, batch: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
        return {"x": torch.randn(batch, N_FEATURES, generator=generator, device=generator.device)}

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(self.dropout(x))[:, 0]


class LineTask:
    """Least squares on a fixed pool with noise: the optimum has a closed form."""

    name = "test_line"
    parts = ("simulation",)

    def __init__(self, settings: TrainSettings) -> None:
        self.settings = settings
        rng = np.random.default_rng(settings.seed)
        self.x = rng.normal(size=(64, N_FEATURES)).astype("float32")
        noise = rng.normal(scale=0.1, size=64)
        self.y = (self.x @ np.array([1.0, -2.0, 0.5]) + 3.0 + noise).astype("float32")
        self.stop_at: int | None = None
        self.spoil_at: int | None = None
        self.drawn = 0

    def prepare(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)

    def build(self) -> nn.Module:
        return create_model(self.name, weights=self.settings.pretrained, **self.settings.model)

    def batch(self, rng: np.random.Generator, size: int) -> dict[str, torch.Tensor]:
        self.drawn += 1
        if self.drawn == self.stop_at:
            raise KeyboardInterrupt
        chosen = rng.permutation(64)[:size]
        x, y = torch.from_numpy(self.x[chosen]), torch.from_numpy(self.y[chosen])
        return {"x": x, "y": y * torch.nan if self.drawn == self.spoil_at else y}

    def loss(self, model: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        return (model(batch["x"]).float() - batch["y"]).square().mean()

    def validation(self) -> list[dict[str, torch.Tensor]]:
        halves = slice(0, 40), slice(40, 64)  # of different size: a mean of means would differ
        return [
            {"x": torch.from_numpy(self.x[half]), "y": torch.from_numpy(self.y[half])}
            for half in halves
        ]

    def facts(self) -> DataFacts:
        return DataFacts({"items": 64}, "Good for lines.")


def order(*, seed: int = 1, model: dict | None = None, **loop: object) -> TrainSettings:
    return TrainSettings(task="test_line", seed=seed, model=model or {}, loop=LOOP | loop)


def run(settings: TrainSettings, folder: Path, **options: str):
    return train(LineTask(settings), settings, folder, **options)


def weights_of(folder: Path) -> dict[str, torch.Tensor]:
    return create_model("test_line", weights=folder).state_dict()
