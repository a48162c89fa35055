"""What the training loop asks of a task: data, a network, a loss, and held-out batches."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np
from torch import Tensor, nn

Batch = dict[str, Tensor]


class Task(Protocol):
    """One network and what it learns from.

    A task file holds ``Settings``, a subclass of `ariel_kit.config.Settings` with the groups
    ``model`` (arguments of the network) and ``data``, and ``make_task(settings)``, which returns
    the task. All batches lie on the CPU; the loop moves them.

    Attributes
    ----------
    name : str
        Name of the network in `ariel_kit.models`.
    """

    name: str

    def prepare(self, folder: Path) -> None:
        """Make the pool of data, or load it from `folder`, where a resumed run finds it again."""

    def build(self) -> nn.Module:
        """The network, with random weights or pre-trained ones."""

    def batch(self, rng: np.random.Generator, size: int) -> Batch:
        """One training batch, wholly determined by the pool and `rng`."""

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """The scalar to minimise, in float32."""

    def validation(self) -> list[Batch]:
        """The same held-out batches at every call: planets that training never draws."""

    def facts(self) -> dict[str, Any]:
        """What the weights' card says about the data; ``limits``, a sentence, says their limits."""
