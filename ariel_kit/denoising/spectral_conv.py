"""A layer that acts on the lowest Fourier modes of a map, i.e. on patterns as wide as the map."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class SpectralConv2d(nn.Module):
    """Mix the channels of the lowest Fourier modes (Li et al. 2021, arXiv:2010.08895).

    Modes that a map is too small for are left out, so that every size works, odd ones too.

    Parameters
    ----------
    width : int
        Channels in and out.
    modes : int
        Modes kept along each axis, positive and negative ones along the first.
    """

    def __init__(self, width: int, modes: int) -> None:
        super().__init__()
        self.modes = modes
        shape = (width, width, 2 * modes - 1, modes, 2)
        self.weight = nn.Parameter(torch.randn(shape) / width)

    def forward(self, maps: Tensor) -> Tensor:
        """Filter maps.

        Parameters
        ----------
        maps : Tensor [shape=(batch, width, time, wavelength)]

        Returns
        -------
        Tensor [shape=(batch, width, time, wavelength), dtype=float32]
        """
        height, length = maps.shape[-2:]
        with torch.autocast(maps.device.type, enabled=False):  # Fourier transforms need float32
            spectrum = torch.fft.rfft2(maps.float(), norm="ortho")
            up, across = min(self.modes, (height + 1) // 2), min(self.modes, length // 2 + 1)
            rows = torch.arange(1 - up, up, device=maps.device)
            weight = torch.view_as_complex(self.weight)[:, :, rows + self.modes - 1, :across]
            mixed = torch.zeros_like(spectrum)
            mixed[:, :, rows, :across] = torch.einsum(
                "bcrm,cdrm->bdrm", spectrum[:, :, rows, :across], weight
            )
            return torch.fft.irfft2(mixed, s=(height, length), norm="ortho")
