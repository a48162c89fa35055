"""A network on another device than the test, on any machine."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Elsewhere(nn.Module):
    """A network on another device, which answers only what was moved there."""

    def __init__(self, answers: dict[str, Tensor]) -> None:
        super().__init__()
        self.place = nn.Parameter(torch.zeros(1, device="meta"), requires_grad=False)
        self.answers = answers

    def draw_dropout(self, draws: int, generator: torch.Generator) -> dict[str, Tensor]:
        return {"channels": torch.ones(draws, 1, 1)}

    def forward(self, inputs: Tensor, **masks: Tensor) -> dict[str, Tensor]:
        assert {each.device.type for each in (inputs, *masks.values())} == {"meta"}
        return self.answers
