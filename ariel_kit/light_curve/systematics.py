"""The drift and window errors of a joint fit, in the form that denoising networks correct.

The light curve of each wavelength is split in two parts. Its projection on the transit window is
the apparent depth: the true depth plus the projections of the drift and of an error of the window.
The part orthogonal to the window does not depend on the depths (it is called blind below), and the
drift and the window are estimated from it alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch


@dataclass(frozen=True)
class Gaussian:
    """Gaussian distribution of the nuisance parameters of a batch of planets.

    Attributes
    ----------
    mean : Tensor [shape=(planet, nuisance), dtype=float64]
    covariance : Tensor [shape=(planet, nuisance, nuisance), dtype=float64]
    """

    mean: torch.Tensor
    covariance: torch.Tensor

    def moved(self, matrix: torch.Tensor) -> Gaussian:
        """Compute the distribution of ``matrix @ n``.

        Parameters
        ----------
        matrix : Tensor [shape=(planet, out, nuisance), dtype=float64]
        """
        mean = (matrix @ self.mean[..., None])[..., 0]
        return Gaussian(mean, matrix @ self.covariance @ matrix.transpose(1, 2))


@dataclass(frozen=True)
class BlindLikelihood:
    """Gaussian likelihood of the nuisance parameters n, with every depth left free.

    Attributes
    ----------
    precision : Tensor [shape=(planet, nuisance, nuisance), dtype=float64]
        Precision of the nuisance parameters.
    information : Tensor [shape=(planet, nuisance), dtype=float64]
        ``precision @ n`` at the nuisances n of highest likelihood.
    """

    precision: torch.Tensor
    information: torch.Tensor

    def posterior(
        self, prior: torch.Tensor | float = 0.0, pull: torch.Tensor | float = 0.0
    ) -> Gaussian:
        """Compute the posterior under a Gaussian prior of n.

        Parameters
        ----------
        prior : Tensor [shape=(planet, nuisance, nuisance)] or float
            Precision of the prior; zero is a flat prior.
        pull : Tensor [shape=(planet, nuisance)] or float
            Precision of the prior times its mean.
        """
        covariance = torch.cholesky_inverse(torch.linalg.cholesky(self.precision + prior))
        mean = (covariance @ (self.information + pull)[..., None])[..., 0]
        return Gaussian(mean, covariance)


@dataclass(frozen=True)
class Systematics:
    """Residual AIRS light curves of a batch, with the drift and window that the fit found.

    Attributes
    ----------
    time : ndarray [shape=(time,), dtype=float64, unit=hour]
        Middle of each bin.
    time_weight : Tensor [shape=(planet, time), dtype=float64]
    weight : Tensor [shape=(planet, wavelength), dtype=float64]
        The inverse variance of the log flux is the product of `time_weight` and `weight`.
    window : Tensor [shape=(planet, time), dtype=float64]
        Derivative of the log flux with respect to the depth, less its weighted mean over time.
    residual : Tensor [shape=(planet, time, wavelength), dtype=float64]
        Log flux less its level, its projection on the window, and the fitted drift and window.
    basis : Tensor [shape=(time, degree), dtype=float64]
        Polynomials in time.
    columns : Tensor [shape=(wavelength, column), dtype=float64]
        Polynomials over the detector columns; the drift is ``basis @ n @ columns'``.
    colours : Tensor [shape=(planet, wavelength, term), dtype=float64]
        Functions of wavelength that apparent depths are expanded in: a constant (white light) and
        polynomials of ascending degree.
    nuisances : Gaussian
        Posterior of the nuisance parameters under the drift model.
    places : Tensor [shape=(column, degree), dtype=int64]
        Indices of the drift's coefficients among the nuisance parameters.
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
        """Posterior mean of the drift [shape=(planet, time, wavelength), dtype=float64]."""
        coefficients = self.nuisances.mean[:, self.places]
        return torch.einsum("ti,pji,lj->ptl", self.basis, coefficients, self.columns)

    @property
    def readout(self) -> torch.Tensor:
        """Weights over time that turn a log flux into its apparent depth [shape=(planet, time)]."""
        weighted = self.time_weight * self.window
        return weighted / (weighted * self.window).sum(1, keepdim=True)

    def level_free(self, series: torch.Tensor) -> torch.Tensor:
        """Subtract the weighted mean over time from series [shape=(planet, time, ...)]."""
        weight = self.time_weight / self.time_weight.sum(1, keepdim=True)
        return series - torch.einsum("pt,pt...->p...", weight, series)[:, None]

    def orders(self, depths: torch.Tensor) -> torch.Tensor:
        """Fit `colours` to depths [shape=(planet, wavelength, ...)] by weighted least squares."""
        weighted = (self.colours * self.weight[..., None]).transpose(1, 2)
        return torch.linalg.solve(weighted @ self.colours, weighted @ depths)

    def projection(self) -> torch.Tensor:
        """Compute the map from nuisance parameters to coefficients of `colours`.

        ``colours @ (projection @ n)`` is what the drift adds to the apparent depths.

        Returns
        -------
        Tensor [shape=(planet, term, nuisance), dtype=float64]
        """
        along = torch.einsum("pt,ti->pi", self.readout, self.basis)
        orders = self.orders(self.columns.expand(len(along), -1, -1))
        out = orders.new_zeros(*orders.shape[:2], self.nuisances.mean.shape[1])
        out[:, :, self.places] = orders[..., None] * along[:, None, None]
        return out


Denoiser = Callable[[Systematics], Gaussian]
"""Function that replaces the posterior of the drift model by a better one, from the same data."""
