"""A network layer that acts on the lowest Fourier modes of a map, which are its smooth patterns."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class SpectralConv2d(nn.Module):
    """Fourier layer of Li et al. (2021, arXiv:2010.08895), which mixes channels of low modes.

    Modes above the Nyquist frequency of the map are left out, so that maps of any size can be used.

    Parameters
    ----------
    width : int
        Number of input and output channels.
    modes : int
        Number of modes along each axis; along the first axis, of each sign.
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
            Maps to filter.

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
