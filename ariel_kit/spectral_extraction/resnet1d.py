"""Bayesian ResNet-1D: a network that corrects the spectra and the sigmas of the joint fit.

The network has residual blocks of dilated convolutions over wavelength and, after the middle one,
an attention whose values are spectral shapes: the absorption of known gases, stored with the
weights, and learned shapes. Dropout removes whole channels and whole bands of the spectrum. It
stays switched on for predictions, where it samples from the posterior of the weights (Gal &
Ghahramani 2016, arXiv 1506.02142). Mean and log-variance are those of heteroscedastic regression
(Kendall & Gal 2017, arXiv 1703.04977).

An untrained network is the identity: no correction, and a variance factor of one.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ariel_kit.core.instruments import N_WAVELENGTHS
from ariel_kit.models import register_model

SHORTEST_BAND, LONGEST_BAND = 12, 60
"""Range of the length of a dropped band, in wavelengths."""


class ResNet1D(nn.Module):
    """Network that corrects fitted spectra, and the factors of their variances.

    Parameters
    ----------
    features : int
        Number of input rows, `ariel_kit.spectral_extraction.features.FEATURES`.
    width : int
        Number of channels of the hidden layers.
    dilations : sequence of int
        Dilation of each residual block; attention follows the middle block.
    kernel : int
        Length of the convolutions, an odd number.
    molecules : int
        Number of absorption shapes stored with the weights; they are zero until `set_molecules`.
    learned : int
        Number of learned shapes.
    drop_rate : float
        Probability that a channel of a block is dropped, and that a band of a block is dropped.
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
        """Store absorption shapes [shape=(molecule, 283)], scaled to mean 0 and rms 1."""
        shapes = shapes - shapes.mean(dim=1, keepdim=True)
        shapes = shapes / shapes.square().mean(dim=1, keepdim=True).sqrt()
        self.molecules.copy_(shapes)

    def example_inputs(self, batch: int, generator: torch.Generator) -> dict[str, Tensor]:
        """Draw inputs of `forward`, with dropout, from `generator`."""
        shape = (batch, self.config["features"], N_WAVELENGTHS)
        features = torch.randn(shape, generator=generator, device=generator.device)
        return {"features": features, **self.draw_dropout(batch, generator)}

    def draw_dropout(self, draws: int, generator: torch.Generator | None) -> dict[str, Tensor]:
        """Draw the dropout masks that `forward` multiplies its blocks by.

        Parameters
        ----------
        draws : int
            Number of masks.
        generator : torch.Generator, optional
            Random generator; by default torch's own, on the device of the weights.

        Returns
        -------
        dict
            ``channels`` [shape=(draw, block, width)] and ``bands`` [shape=(draw, block, 283)]: 0
            where dropped, and elsewhere a factor that keeps the mean at 1.
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
            From `ariel_kit.spectral_extraction.features.describe`.
        channels, bands : Tensor, optional
            Masks from `draw_dropout`. Without them nothing is dropped, except in training mode,
            where they are drawn from torch's own generator.

        Returns
        -------
        dict
            ``correction`` [shape=(planet, 283)], in units of the fit's sigma of the spectrum's
            shape, and ``log_variance`` [shape=(planet, 283)], the logarithm of the factor of the
            variance.
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
        with torch.autocast(hidden.device.type, enabled=False):  # the output keeps full precision
            correction, log_variance = self.head(functional.gelu(hidden.float())).unbind(dim=1)
        return {"correction": correction, "log_variance": log_variance}


class ResidualBlock(nn.Module):
    """Residual block: normalisation, dilated convolution, gated linear unit, mixing of channels."""

    def __init__(self, width: int, kernel: int, dilation: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(1, width)
        reach = dilation * (kernel // 2)
        self.convolution = nn.Conv1d(width, 2 * width, kernel, padding=reach, dilation=dilation)
        self.mix = nn.Conv1d(width, width, 1)

    def forward(self, hidden: Tensor) -> Tensor:
        """Compute the change of `hidden` [shape=(planet, width, 283)]."""
        return self.mix(functional.glu(self.convolution(self.norm(hidden)), dim=1))


class TemplateAttention(nn.Module):
    """Attention of each wavelength to the spectral shapes that a planet shows.

    The token of a template is the projection of the hidden spectrum on it. The queries are the
    wavelengths; a wavelength receives the values of the tokens, each multiplied by the template at
    that wavelength.
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
        """Compute the change of `hidden` [shape=(planet, width, 283)].

        Parameters
        ----------
        hidden : Tensor [shape=(planet, width, 283)]
        templates : Tensor [shape=(template, 283)]
            Spectral shapes.
        """
        normed = self.norm(hidden)
        tokens = torch.einsum("pcl,kl->pkc", normed, templates) / N_WAVELENGTHS
        query, key = self.query(normed), self.key(tokens) + self.name
        score = torch.einsum("pcl,pkc->pkl", query, key) / query.shape[1] ** 0.5
        share = score.softmax(dim=1) * templates
        return self.mix(torch.einsum("pkl,pkc->pcl", share, self.value(tokens)))


@register_model
def resnet1d(**changes: Any) -> ResNet1D:
    """Build the default network."""
    return ResNet1D(**changes)


@register_model
def test_resnet1d(**changes: Any) -> ResNet1D:
    """Build a very small network for tests."""
    return ResNet1D(**{"width": 8, "dilations": (1, 4), "molecules": 2, "learned": 2, **changes})
