"""PhySNet: a U-Net on residual light curves that corrects the drift model and its uncertainty.

It has blocks of ConvNeXt V2 (Woo et al. 2023, arXiv:2301.00808) and, at the bottleneck, a Fourier
layer (Li et al. 2021, arXiv:2010.08895) and attention to physical templates. The output map, times
the uncertainty of the drift model, is the drift that the model missed. Its contribution to the
apparent depths is a fixed linear function of that map.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ariel_kit.denoising.encoder import Encoder, make_block
from ariel_kit.denoising.maps import CELLS, CHANNELS, TEMPLATES
from ariel_kit.denoising.spectral_conv import SpectralConv2d
from ariel_kit.denoising.template_attention import TemplateAttention
from ariel_kit.models import register_model

TERMS = 4
"""Number of coefficients in wavelength of the drift's contribution to the apparent depths."""


class PhySNet(nn.Module):
    """Network from maps of residual light curves to a correction of the drift.

    Parameters
    ----------
    width : int
        Number of channels of the encoder's first stage.
    depth : int
        Number of blocks in each of its two stages.
    modes : int
        Number of Fourier modes at the bottleneck.
    heads : int
        Number of heads of the attention to templates.
    """

    def __init__(self, *, width: int = 32, depth: int = 2, modes: int = 4, heads: int = 4) -> None:
        super().__init__()
        self.config: dict[str, Any] = {
            "width": width,
            "depth": depth,
            "modes": modes,
            "heads": heads,
        }
        self.encoder = Encoder(channels=CHANNELS, width=width, depth=depth)
        self.fourier = SpectralConv2d(2 * width, modes)
        self.attention = TemplateAttention(2 * width, heads, TEMPLATES, CELLS)
        self.bottleneck = make_block(2 * width)
        self.rise = nn.Conv2d(3 * width, width, 1)
        self.decoder = make_block(width)
        self.head = nn.Conv2d(width + CHANNELS, 2, 3, padding=1)
        self.sureness = nn.Linear(2 * width, TERMS)
        for layer in (self.head, self.sureness):  # training starts from the drift model as it is
            nn.init.normal_(layer.weight, std=1e-3)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)

    def example_inputs(self, batch: int, generator: torch.Generator) -> dict[str, Tensor]:
        """Draw noise as keyword tensors for `forward`."""

        def draw(*shape: int) -> Tensor:
            return torch.randn(batch, *shape, generator=generator, device=generator.device)

        return {
            "maps": draw(CHANNELS, CELLS, CELLS),
            "spread": draw(CELLS, CELLS).abs(),
            "templates": draw(TEMPLATES, CELLS),
            "along_time": draw(CELLS) / CELLS,
            "along_wavelength": draw(TERMS, CELLS) / CELLS,
        }

    def forward(
        self,
        maps: Tensor,
        spread: Tensor,
        templates: Tensor,
        along_time: Tensor,
        along_wavelength: Tensor,
    ) -> dict[str, Tensor]:
        """Correct the drift model.

        Parameters
        ----------
        maps, spread, templates, along_time, along_wavelength
            As in `maps.Maps`, dtype float32.

        Returns
        -------
        dict of str to Tensor
            ``drift`` and ``log_variance`` [shape=(batch, 48, 48), dtype=float32]: the drift that
            the model missed, in units of its uncertainty, and its log variance. ``shift`` and
            ``log_scale`` [shape=(batch, 4), dtype=float32]: the same for its contribution to the
            apparent depths, see `maps.corrected`.
        """
        half, quarter = self.encoder(maps)
        quarter = self.attention(quarter + self.fourier(quarter).to(quarter.dtype), templates)
        quarter = self.bottleneck(quarter)
        up = functional.interpolate(quarter, size=half.shape[-2:], mode="bilinear")
        features = self.decoder(self.rise(torch.cat([half, up], dim=1)))
        features = functional.interpolate(features, size=maps.shape[-2:], mode="bilinear")
        with torch.autocast(maps.device.type, enabled=False):
            drift, log_variance = self.head(torch.cat([features, maps], dim=1).float()).unbind(1)
            missed = torch.einsum("bt,btl->bl", along_time, drift * spread)
            return {
                "drift": drift,
                "log_variance": log_variance,
                "shift": torch.einsum("bjl,bl->bj", along_wavelength, missed),
                "log_scale": self.sureness(quarter.float().mean((2, 3))),
            }


@register_model
def physnet(**changes: Any) -> PhySNet:
    """Build the denoising network of `ariel_kit.denoising`."""
    return PhySNet(**changes)


@register_model
def test_physnet(**changes: Any) -> PhySNet:
    """Build a very small PhySNet for tests."""
    return PhySNet(**{"width": 8, "depth": 1, "modes": 2, "heads": 2, **changes})
