"""Ti-MAE: a masked autoencoder for pre-training on light curves without labels.

The network reconstructs hidden stretches of time. It follows Li et al. (2023, arXiv:2301.08871),
with the fully convolutional sparse masking of ConvNeXt V2 (Woo et al. 2023, arXiv:2301.00808) in
place of a transformer. Its encoder is that of PhySNet.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ariel_kit.denoising.encoder import PATCH, Encoder, make_block
from ariel_kit.denoising.maps import CELLS, CHANNELS
from ariel_kit.models import register_model

HIDDEN_SHARE = 0.5
"""Share of the stretches of time that is hidden; each stretch is as long as a token."""


class TiMAE(nn.Module):
    """Encoder of the visible stretches, and a small decoder that reconstructs the hidden ones.

    Parameters
    ----------
    width : int
        Number of channels of the encoder's first stage.
    depth : int
        Number of blocks in each of its two stages.
    """

    def __init__(self, *, width: int = 32, depth: int = 2) -> None:
        super().__init__()
        self.config: dict[str, Any] = {"width": width, "depth": depth}
        self.encoder = Encoder(channels=CHANNELS, width=width, depth=depth)
        self.hidden_token = nn.Parameter(torch.zeros(1, 2 * width, 1, 1))
        self.decoder = make_block(2 * width)
        self.pixels = nn.Conv2d(2 * width, CHANNELS * PATCH**2, 1)

    def example_inputs(self, batch: int, generator: torch.Generator) -> dict[str, Tensor]:
        """Draw noise and a random mask as keyword tensors for `forward`."""
        device = generator.device
        maps = torch.randn(batch, CHANNELS, CELLS, CELLS, generator=generator, device=device)
        return {"maps": maps, "hidden": draw_hidden(batch, generator)}

    def forward(self, maps: Tensor, hidden: Tensor) -> Tensor:
        """Reconstruct maps of which some stretches of time are hidden.

        Parameters
        ----------
        maps : Tensor [shape=(batch, 4, 48, 48), dtype=float32]
            Maps, including the hidden stretches.
        hidden : Tensor [shape=(batch, 12), dtype=bool]
            Stretches of time that are hidden from the encoder.

        Returns
        -------
        Tensor [shape=(batch, 4, 48, 48), dtype=float32]
        """
        side = CELLS // PATCH
        visible = (~hidden).to(maps.dtype)[:, None, :, None].expand(-1, 1, -1, side)
        _, features = self.encoder(maps, visible)
        features = self.decoder(features + (1 - visible) * self.hidden_token)
        with torch.autocast(maps.device.type, enabled=False):
            return functional.pixel_shuffle(self.pixels(features.float()), PATCH)


def draw_hidden(batch: int, generator: torch.Generator) -> Tensor:
    """Draw which half of each map's stretches of time is hidden [shape=(batch, 12), dtype=bool]."""
    side = CELLS // PATCH
    order = torch.rand(batch, side, generator=generator, device=generator.device).argsort(1)
    return order < round(HIDDEN_SHARE * side)


@register_model
def ti_mae(**changes: Any) -> TiMAE:
    """Build the pre-training network of `ariel_kit.denoising`."""
    return TiMAE(**changes)


@register_model
def test_ti_mae(**changes: Any) -> TiMAE:
    """Build a very small Ti-MAE for tests."""
    return TiMAE(**{"width": 8, "depth": 1, **changes})
