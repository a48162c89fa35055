"""What drift and window shape add to the apparent depths: the value that denoising works on.

The light curve of each wavelength is split in two. Its projection on the transit window is one
number, the apparent depth: the true depth plus what drift and a misplaced window look like on the
window. All the rest is blind to the depths, and from it alone drift and shape are estimated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Gaussian:
    """Mean and covariance of the nuisances of a batch.

    Attributes
    ----------
    mean : Tensor [shape=(planet, nuisance), dtype=float64]
    covariance : Tensor [shape=(planet, nuisance, nuisance), dtype=float64]
    """

    mean: torch.Tensor
    covariance: torch.Tensor

    def moved(self, matrix: torch.Tensor) -> Gaussian:
        """The distribution of ``matrix @ n`` [shape=(planet, out, nuisance)]."""
        mean = (matrix @ self.mean[..., None])[..., 0]
        return Gaussian(mean, matrix @ self.covariance @ matrix.transpose(1, 2))


def mix(parts: Sequence[Gaussian]) -> Gaussian:
    """Mean and covariance of a mixture of equally likely parts."""
    means = torch.stack([part.mean for part in parts])
    mean = means.mean(0)
    apart = means - mean
    between = torch.einsum("kpi,kpj->pij", apart, apart) / len(parts)
    return Gaussian(mean, torch.stack([part.covariance for part in parts]).mean(0) + between)


@dataclass(frozen=True)
class BlindLikelihood:
    """The Gaussian likelihood of the nuisances, every depth free.

    Attributes
    ----------
    precision : Tensor [shape=(planet, nuisance, nuisance), dtype=float64]
    information : Tensor [shape=(planet, nuisance), dtype=float64]
        ``precision @ n`` at the nuisances n of highest likelihood.
    """

    precision: torch.Tensor
    information: torch.Tensor

    def posterior(
        self, prior: torch.Tensor | float = 0.0, pull: torch.Tensor | float = 0.0
    ) -> Gaussian:
        """Under a prior of precision `prior` and information `pull`."""
        covariance = torch.cholesky_inverse(torch.linalg.cholesky(self.precision + prior))
        mean = (covariance @ (self.information + pull)[..., None])[..., 0]
        return Gaussian(mean, covariance)
