"""What drift and window shape add to the apparent depths: the value that denoising works on.

The light curve of each wavelength is split in two. Its projection on the transit window is one
number, the apparent depth: the true depth plus what drift and a misplaced window look like on the
window. All the rest is blind to the depths, and from it alone drift and shape are estimated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
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
        """Compute the distribution of ``matrix @ n`` [shape=(planet, out, nuisance)]."""
        mean = (matrix @ self.mean[..., None])[..., 0]
        return Gaussian(mean, matrix @ self.covariance @ matrix.transpose(1, 2))


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
        """Combine with a prior of precision `prior` and information `pull`."""
        covariance = torch.cholesky_inverse(torch.linalg.cholesky(self.precision + prior))
        mean = (covariance @ (self.information + pull)[..., None])[..., 0]
        return Gaussian(mean, covariance)


@dataclass(frozen=True)
class Systematics:
    """The light curves of AIRS, their depths taken out, beside what the drift model made of them.

    Attributes
    ----------
    time : ndarray [shape=(time,), dtype=float64, unit=hour]
    time_weight : Tensor [shape=(planet, time), dtype=float64]
    weight : Tensor [shape=(planet, wavelength), dtype=float64]
        The product of the two is the inverse variance of the log flux.
    window : Tensor [shape=(planet, time), dtype=float64]
        What a unit of depth does to the log flux, its weighted mean over time taken away.
    residual : Tensor [shape=(planet, time, wavelength), dtype=float64]
        Log flux less its level, its projection on the window, the drift and the window's shape.
    basis : Tensor [shape=(time, degree), dtype=float64]
    columns : Tensor [shape=(wavelength, column), dtype=float64]
        The drift is ``basis @ n @ columns'``.
    colours : Tensor [shape=(planet, wavelength, term), dtype=float64]
        White light and the orders in wavelength in which apparent depths are told.
    nuisances : Gaussian
        As the drift model has them.
    places : Tensor [shape=(column, degree), dtype=int64]
        Where the drift's n stands among the nuisances.
    """

    time: np.ndarray
    time_weight: torch.Tensor
    weight: torch.Tensor
    window: torch.Tensor
    residual: torch.Tensor
    basis: torch.Tensor
    columns: torch.Tensor
    colours: torch.Tensor
    nuisances: Gaussian
    places: torch.Tensor

    @property
    def drift(self) -> torch.Tensor:
        """Mean drift of the model [shape=(planet, time, wavelength), dtype=float64]."""
        coefficients = self.nuisances.mean[:, self.places]
        return torch.einsum("ti,pji,lj->ptl", self.basis, coefficients, self.columns)

    @property
    def readout(self) -> torch.Tensor:
        """From a log flux to its apparent depth, along time [shape=(planet, time)]."""
        weighted = self.time_weight * self.window
        return weighted / (weighted * self.window).sum(1, keepdim=True)

    def level_free(self, series: torch.Tensor) -> torch.Tensor:
        """Subtract from series [shape=(planet, time, ...)] their weighted mean over time."""
        weight = self.time_weight / self.time_weight.sum(1, keepdim=True)
        return series - torch.einsum("pt,pt...->p...", weight, series)[:, None]

    def orders(self, depths: torch.Tensor) -> torch.Tensor:
        """Fit `colours` to depths (planet, wavelength, ...) by their weights."""
        weighted = (self.colours * self.weight[..., None]).transpose(1, 2)
        return torch.linalg.solve(weighted @ self.colours, weighted @ depths)

    def projection(self) -> torch.Tensor:
        """Map nuisances to the apparent depth of each term [shape=(planet, term, nuisance)].

        The systematics that matter: ``colours @ (projection @ nuisances)`` is what the drift adds
        to the apparent depths.
        """
        along = torch.einsum("pt,ti->pi", self.readout, self.basis)
        orders = self.orders(self.columns.expand(len(along), -1, -1))
        out = orders.new_zeros(*orders.shape[:2], self.nuisances.mean.shape[1])
        out[:, :, self.places] = orders[..., None] * along[:, None, None]
        return out


Denoiser = Callable[[Systematics], Gaussian]
"""Function that improves on the drift model: nuisances from the same blind light."""
