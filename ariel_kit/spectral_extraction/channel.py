"""Log light curves of one instrument, the input of the joint fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ariel_kit.core.observation import LightCurves

LEAST_WEIGHT = 1e-9
"""Weight of a wavelength without data, relative to the largest weight."""


@dataclass(frozen=True)
class Channel:
    """Log light curves of one instrument for a batch of planets on one time grid.

    Attributes
    ----------
    time, span : ndarray [shape=(time,), unit=hour]
        Middle and length of each bin.
    log_flux : Tensor [shape=(planet, time, wavelength), dtype=float64]
        Log flux, minus its mean over time.
    time_weight : Tensor [shape=(planet, time), dtype=float64]
        Inverse variance relative to its mean over time; 0 for a bin without data.
    weight : Tensor [shape=(planet, wavelength), dtype=float64]
        Inverse variance of `log_flux` where `time_weight` is 1.
    """

    time: np.ndarray
    span: np.ndarray
    log_flux: torch.Tensor
    time_weight: torch.Tensor
    weight: torch.Tensor

    @classmethod
    def of(cls, curves: Sequence[LightCurves], device: torch.device) -> Channel:
        """Stack light curves that share a time grid.

        The inverse variance is approximated by a product of a factor in time and a factor in
        wavelength. This is exact for bins of any lengths; during the transit its error is of the
        order of the depth squared.
        """
        flux = torch.as_tensor(np.stack([c.flux for c in curves]), device=device)
        noise = torch.as_tensor(np.stack([c.noise for c in curves]), device=device)
        inverse = (flux / noise) ** 2
        has_data = noise.isfinite().any(1, keepdim=True)
        time_weight = 1 / torch.where(has_data, noise**2, 0.0).sum(2)
        time_weight = time_weight / time_weight.mean(1, keepdim=True)
        weight = inverse.sum(1) / time_weight.sum(1, keepdim=True)
        # A wavelength without data has a negligible weight that is not zero.
        weight = weight.maximum(LEAST_WEIGHT * weight.amax(1, keepdim=True))
        log_flux = torch.log(flux)
        return cls(
            curves[0].time,
            curves[0].span,
            log_flux - log_flux.mean(1, keepdim=True),
            time_weight,
            weight,
        )
