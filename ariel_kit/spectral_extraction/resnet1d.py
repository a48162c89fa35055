"""Bayesian ResNet-1D: what spectra look like, learned, on top of what the joint fit concluded.

Residual blocks of dilated convolutions over wavelength, and in the middle an attention whose
values are shapes: absorption of the known gases, kept in the weights, and learned ones. Dropout
takes channels, and whole bands of the spectrum, at once; left on in use, it samples the networks
that the training data leave possible (Gal & Ghahramani 2016, arXiv 1506.02142). Mean and
log-variance are those of heteroscedastic regression (Kendall & Gal 2017, arXiv 1703.04977).

The network starts as the identity: no correction, a variance factor of one.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ariel_kit.core.instruments import N_WAVELENGTHS
from ariel_kit.models import register_model

SHORTEST_BAND, LONGEST_BAND = 12, 60
"""Wavelengths that are dropped together."""


class ResNet1D(nn.Module):
    """Corrections to fitted spectra, and by how much their errors are over- or understated.

    Parameters
    ----------
    features : int
        Rows that describe a planet, `ariel_kit.spectral_extraction.features.FEATURES`.
    width : int
        Channels of the hidden layers.
    dilations : sequence of int
        One residual block each; attention follows the middle one.
    kernel : int
        Odd length of the convolutions.
    molecules : int
        Number of absorption shapes that the weights keep; zero until `set_molecules`.
    learned : int
        Number of learned shapes.
    drop_rate : float
        Chance that a channel of a block is dropped, and that a band of a block is.
    """

    molecules: Tensor

    def __init__(
        self,
        *,
        features: int = 15,
        width: int = 32,
        dilations: tuple[int, ...] | list[int] = (1, 2, 4, 8, 16, 1),
        kernel: int = 5,
        molecules: int = 15,
        learned: int = 9,
        drop_rate: float = 0.1,
    ) -> None:
        super().__init__()
        self.config: dict[str, Any] = {
            "features": features,
            "width": width,
            "dilations": list(dilations),
            "kernel": kernel,
            "molecules": molecules,
            "learned": learned,
            "drop_rate": drop_rate,
        }
        self.drop_rate = drop_rate
        self.stem = nn.Conv1d(features, width, kernel, padding=kernel // 2)
        self.place = nn.Parameter(torch.zeros(width, N_WAVELENGTHS))
        self.blocks = nn.ModuleList(ResidualBlock(width, kernel, step) for step in dilations)
        self.register_buffer("molecules", torch.zeros(molecules, N_WAVELENGTHS))
        self.learned = nn.Parameter(0.5 * torch.randn(learned, N_WAVELENGTHS))
        self.attention = TemplateAttention(width, molecules + learned)
        self.head = nn.Conv1d(width, 2, 1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)  # type: ignore[arg-type]

    def set_molecules(self, shapes: Tensor) -> None:
        """Keep absorption shapes [shape=(molecule, 283)], each to mean 0 and unit size."""
        shapes = shapes - shapes.mean(dim=1, keepdim=True)
        shapes = shapes / shapes.square().mean(dim=1, keepdim=True).sqrt()
        self.molecules.copy_(shapes)

    def example_inputs(self, batch: int, generator: torch.Generator) -> dict[str, Tensor]:
        """Draw inputs of `forward`, with dropout, from `generator`."""
        shape = (batch, self.config["features"], N_WAVELENGTHS)
        features = torch.randn(shape, generator=generator, device=generator.device)
        return {"features": features, **self.draw_dropout(batch, generator)}

    def draw_dropout(self, draws: int, generator: torch.Generator | None) -> dict[str, Tensor]:
        """Draw what `forward` multiplies its blocks with.

        Parameters
        ----------
        draws : int
        generator : torch.Generator, optional
            On whose device they are drawn; torch's own on the device of the weights without one.

        Returns
        -------
        dict
            ``channels`` [shape=(draw, block, width)] and ``bands`` [shape=(draw, block, 283)]: 0
            where dropped, else what keeps the mean at 1.
        """
        device = self.place.device if generator is None else generator.device
        blocks, width = len(self.blocks), self.config["width"]

        def uniform(*shape: int) -> Tensor:
            return torch.rand(draws, blocks, *shape, generator=generator, device=device)

        kept = 1 - self.drop_rate
        channels = (uniform(width) < kept) / kept
        length = SHORTEST_BAND + (LONGEST_BAND - SHORTEST_BAND) * uniform(1)
        first = uniform(1) * (N_WAVELENGTHS + length) - length
        wavelength = torch.arange(N_WAVELENGTHS, device=device)
        inside = (wavelength >= first) & (wavelength < first + length)
        bands = 1.0 - (inside & (uniform(1) < self.drop_rate)).float()
        bands = bands / bands.mean(dim=2, keepdim=True)
        return {"channels": channels, "bands": bands}

    def forward(
        self, features: Tensor, channels: Tensor | None = None, bands: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Correct fitted spectra.

        Parameters
        ----------
        features : Tensor [shape=(planet, feature, 283)]
            `ariel_kit.spectral_extraction.features.describe`.
        channels, bands : Tensor, optional
            From `draw_dropout`. Without them nothing is dropped, or in training mode torch's own
            generator draws them.

        Returns
        -------
        dict
            ``correction`` [shape=(planet, 283)], in units of the fit's sigma of the spectrum's
            shape, and ``log_variance`` [shape=(planet, 283)], of the factor on its variance.
        """
        if self.training and channels is None and bands is None:
            dropout = self.draw_dropout(len(features), None)
            channels, bands = dropout["channels"], dropout["bands"]
        hidden = self.stem(features) + self.place
        middle = len(self.blocks) // 2
        for index, block in enumerate(self.blocks):
            change = block(hidden)
            if channels is not None:
                change = change * channels[:, index, :, None]
            if bands is not None:
                change = change * bands[:, index, None, :]
            hidden = hidden + change
            if index == middle:
                hidden = hidden + self.attention(hidden, torch.cat([self.molecules, self.learned]))
        with torch.autocast(hidden.device.type, enabled=False):  # answers are never rounded
            correction, log_variance = self.head(functional.gelu(hidden.float())).unbind(dim=1)
        return {"correction": correction, "log_variance": log_variance}


class ResidualBlock(nn.Module):
    """Normalise, convolve with a dilation, gate by the whole planet, mix channels."""

    def __init__(self, width: int, kernel: int, dilation: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(1, width)
        reach = dilation * (kernel // 2)
        self.convolution = nn.Conv1d(width, 2 * width, kernel, padding=reach, dilation=dilation)
        self.mix = nn.Conv1d(width, width, 1)

    def forward(self, hidden: Tensor) -> Tensor:
        """Work out what to add to `hidden` [shape=(planet, width, 283)]."""
        return self.mix(functional.glu(self.convolution(self.norm(hidden)), dim=1))


class TemplateAttention(nn.Module):
    """Attention over shapes: how much of each a planet shows, and where to say so.

    A template's token is the projection of the hidden spectrum on it. Each wavelength asks, and
    gets the values of the tokens times the templates' own height at that wavelength.
    """

    def __init__(self, width: int, templates: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(1, width)
        self.query = nn.Conv1d(width, width, 1)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.name = nn.Parameter(0.1 * torch.randn(templates, width))
        self.mix = nn.Conv1d(width, width, 1)

    def forward(self, hidden: Tensor, templates: Tensor) -> Tensor:
        """Work out what to add to `hidden` [shape=(planet, width, 283)], given templates."""
        normed = self.norm(hidden)
        tokens = torch.einsum("pcl,kl->pkc", normed, templates) / N_WAVELENGTHS
        query, key = self.query(normed), self.key(tokens) + self.name
        score = torch.einsum("pcl,pkc->pkl", query, key) / query.shape[1] ** 0.5
        share = score.softmax(dim=1) * templates
        return self.mix(torch.einsum("pkl,pkc->pcl", share, self.value(tokens)))


@register_model
def resnet1d(**changes: Any) -> ResNet1D:
    """Build the network of the kit."""
    return ResNet1D(**changes)


@register_model
def test_resnet1d(**changes: Any) -> ResNet1D:
    """Build a micro network for tests."""
    return ResNet1D(**{"width": 8, "dilations": (1, 4), "molecules": 2, "learned": 2, **changes})
