"""TCN-JNet: a temporal convolutional network that predicts the motion during AIRS exposures.

It consists of residual blocks of dilated convolutions with normalised weights, after Bai et al.
(2018, arXiv:1803.01271). Their convolutions are causal. Here they are centred, and use as many
exposures after a given one as before it, because a light curve is complete when it is corrected.
The number of exposures does not change between layers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import weight_norm

from ariel_kit.models import register_model

MIN_LOG_VARIANCE = -6.0
"""Least log variance, that of a sigma of 0.05 times white jitter. No data determine the motion
better. Without this limit, training samples without motion would have too large a weight."""
N_MOMENTS = 5
"""Number of moments of the shift: dy, dx, dy^2, dy dx, dx^2."""


class TemporalBlock(nn.Module):
    """Residual block of two centred dilated convolutions.

    Parameters
    ----------
    width : int
        Number of input and output channels.
    kernel : int
        Length of a convolution; it must be odd to keep the number of exposures.
    dilation : int
        Distance between the taps of a convolution, in exposures.
    """

    def __init__(self, width: int, kernel: int, dilation: int) -> None:
        super().__init__()
        padding = dilation * (kernel - 1) // 2
        self.first, self.second = (
            weight_norm(nn.Conv1d(width, width, kernel, padding=padding, dilation=dilation))
            for _ in range(2)
        )

    def forward(self, hidden: Tensor) -> Tensor:
        """Add the output of the convolutions to `hidden`.

        Parameters
        ----------
        hidden : Tensor [shape=(batch, width, time), dtype=float32]
            Hidden features.

        Returns
        -------
        Tensor [shape=(batch, width, time), dtype=float32]
        """
        found = self.second(functional.gelu(self.first(functional.gelu(hidden))))
        return hidden + found


class TCNJNet(nn.Module):
    """Network from the channels of `pointing.motion_channels` to the moments of each exposure.

    Parameters
    ----------
    channels : int
        Number of input channels.
    width : int
        Number of channels of the hidden layers.
    dilations : sequence of int
        Dilation of each block.
    kernel : int
        Length of a convolution, an odd number.
    """

    def __init__(
        self,
        *,
        channels: int = 49,
        width: int = 48,
        dilations: Sequence[int] = (1, 2, 4, 8, 16),
        kernel: int = 3,
    ) -> None:
        super().__init__()
        self.config: dict[str, Any] = {
            "channels": channels,
            "width": width,
            "dilations": list(dilations),
            "kernel": kernel,
        }
        self.stem = weight_norm(nn.Conv1d(channels, width, 1))
        self.mix = weight_norm(nn.Conv1d(width, width, 1))
        self.blocks = nn.Sequential(*(TemporalBlock(width, kernel, step) for step in dilations))
        self.head = nn.Conv1d(width, 2 * N_MOMENTS, 1)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle configuration and weights, because torch does not pickle normalised weights."""
        return _built, (self.config, self.state_dict(), self.training)

    @property
    def receptive_field(self) -> int:
        """Number of exposures that one output can depend on."""
        return 1 + 2 * (self.config["kernel"] - 1) * sum(self.config["dilations"])

    def example_inputs(self, batch: int, generator: torch.Generator) -> dict[str, Tensor]:
        """Draw white motion as keyword tensors for `forward`."""
        shape = (batch, 64, self.config["channels"])
        return {"motion": torch.randn(shape, generator=generator, device=generator.device)}

    def forward(self, motion: Tensor) -> dict[str, Tensor]:
        """Predict the means of dy, dx, dy^2, dy dx, dx^2 over each exposure, and their variances.

        Parameters
        ----------
        motion : Tensor [shape=(batch, time, channel), dtype=float32]
            Channels from `pointing.motion_channels`.

        Returns
        -------
        dict of str to Tensor
            ``mean`` and ``log_variance``, both [shape=(batch, time, 5), dtype=float32], in units
            of `pointing.Motion.unit`.
        """
        hidden = self.mix(functional.gelu(self.stem(motion.transpose(1, 2))))
        hidden = functional.gelu(self.blocks(hidden))
        with torch.autocast(motion.device.type, enabled=False):  # the output keeps full precision
            out = self.head(hidden.float()).transpose(1, 2)
        mean, raw = out.split(N_MOMENTS, dim=2)
        log_variance = MIN_LOG_VARIANCE + functional.softplus(raw - MIN_LOG_VARIANCE)
        return {"mean": mean, "log_variance": log_variance}


@register_model
def tcn_jnet(**changes: Any) -> TCNJNet:
    """Build the default network, whose receptive field is 125 exposures (ten minutes)."""
    return TCNJNet(**changes)


@register_model
def test_tcn_jnet(**changes: Any) -> TCNJNet:
    """Build a very small TCN-JNet for tests."""
    return TCNJNet(**{"width": 8, "dilations": (1, 2), **changes})


def _built(config: dict[str, Any], state: dict[str, torch.Tensor], training: bool) -> TCNJNet:
    model = TCNJNet(**config)
    model.load_state_dict(state)
    return model.to(next(iter(state.values())).device).train(training)
