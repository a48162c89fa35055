"""The interface of a task: data, a network, a loss, and held-out batches.

A task's file in `ariel_kit.training.tasks` holds two names:

- ``TaskSettings``, a subclass of `ariel_kit.training.settings.TrainSettings`, whose ``data`` is a
  subclass of `DataSettings` where the task has data settings of its own;
- ``make_task(settings)``, which returns the `Task`. It refuses what the task cannot do, to
  learn from observations say, with a `ConfigError`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from pydantic import JsonValue
from torch import Tensor, nn

from ariel_kit.core.errors import ConfigError
from ariel_kit.core.revisions import Part
from ariel_kit.models.card import FIRST_EDITION
from ariel_kit.training.settings import TrainSettings

Batch = dict[str, Tensor]


@dataclass(frozen=True)
class DataFacts:
    """Describe, for the card of weights, the data that they learned from.

    Attributes
    ----------
    data : dict
        Sizes and sources by name, as JSON has them.
    limits : str
        A sentence on what the weights are not made for.
    editions : list of int
        Editions of the challenge that the data resemble.
    """

    data: dict[str, JsonValue]
    limits: str
    editions: list[int] = field(default_factory=lambda: [FIRST_EDITION])


class Task(Protocol):
    """Combine one network with the data and the loss that it learns from.

    Batches lie on the CPU, every tensor with the items along its first axis; the loop moves them
    and, with several devices, deals the items out. The loss is a mean over the items and calls
    the network itself (``model(...)``), not one of its methods, so that mixed precision and
    several devices work; whatever the network draws comes from torch's own generator.

    Attributes
    ----------
    name : str
        Name of the network in `ariel_kit.models`.
    """

    name: str

    @property
    def parts(self) -> tuple[Part, ...]:
        """Name what makes the data, as `ariel_kit.core.revisions.REVISIONS` does."""

    def prepare(self, folder: Path) -> None:
        """Make the pool of data, or load it from `folder`, where a resumed run finds it again."""

    def build(self) -> nn.Module:
        """Build the network, with random weights or pre-trained ones."""

    def batch(self, rng: np.random.Generator, size: int) -> Batch:
        """Draw one training batch; it depends on the pool and `rng` only."""

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Compute the scalar to minimise, in float32."""

    def validation(self) -> list[Batch]:
        """Give the held-out batches, the same at every call: planets that training never draws."""

    def facts(self) -> DataFacts:
        """Describe the data for the card of the weights."""


def refuse_real_data(settings: TrainSettings, learns_from: str, because: str) -> None:
    """Refuse to learn from real observations where a task cannot.

    Parameters
    ----------
    settings : TrainSettings
    learns_from, because : str
        The data that it learns from instead, and the reason.

    Raises
    ------
    ConfigError
        If the settings name a folder.
    """
    if settings.data.folder is not None:
        raise ConfigError(
            f"{settings.task} learns from {learns_from} only, since {because}; "
            "leave out data.folder and data.labels."
        )
