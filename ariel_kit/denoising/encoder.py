"""The encoder that PhySNet and Ti-MAE share: ConvNeXt V2 blocks at two resolutions."""

from __future__ import annotations

from timm.layers.norm import LayerNorm2d
from timm.models.convnext import ConvNeXtBlock
from torch import Tensor, nn
from torch.nn import functional

PATCH = 4
"""Number of cells along each axis in one token of the encoder's last stage."""


def make_block(width: int) -> nn.Module:
    """Build a ConvNeXt V2 block with global response normalisation (arXiv:2301.00808).

    Parameters
    ----------
    width : int
        Number of channels.
    """
    return ConvNeXtBlock(width, kernel_size=7, use_grn=True, ls_init_value=None)


class Encoder(nn.Module):
    """Encoder of maps into features at half and at quarter resolution.

    With a mask it acts as the sparse convolutions of a fully convolutional masked autoencoder:
    hidden features are set to zero before and after every block, so that no information leaks.

    Parameters
    ----------
    channels : int
        Number of channels of the maps.
    width : int
        Number of channels of the first stage.
    depth : int
        Number of blocks in each stage.
    """

    def __init__(self, *, channels: int, width: int, depth: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(channels, width, 2, stride=2), LayerNorm2d(width))
        self.first = nn.ModuleList(make_block(width) for _ in range(depth))
        self.down = nn.Sequential(LayerNorm2d(width), nn.Conv2d(width, 2 * width, 2, stride=2))
        self.second = nn.ModuleList(make_block(2 * width) for _ in range(depth))

    def forward(self, maps: Tensor, visible: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Encode maps.

        Parameters
        ----------
        maps : Tensor [shape=(batch, channel, time, wavelength)]
            Maps, whose sides must be multiples of 4.
        visible : Tensor [shape=(batch, 1, time / 4, wavelength / 4)], optional
            One where the map is visible, zero where it is hidden.

        Returns
        -------
        half : Tensor [shape=(batch, width, time / 2, wavelength / 2)]
        quarter : Tensor [shape=(batch, 2 width, time / 4, wavelength / 4)]
        """
        half = self.stem(_masked(maps, visible))
        for block in self.first:
            half = block(_masked(half, visible))
        half = _masked(half, visible)
        quarter = self.down(half)
        for block in self.second:
            quarter = block(_masked(quarter, visible))
        return half, _masked(quarter, visible)


def _masked(features: Tensor, visible: Tensor | None) -> Tensor:
    if visible is None:
        return features
    return features * functional.interpolate(visible, size=features.shape[-2:], mode="nearest")
