"""Likelihood of the depths from one linearisation of the fit, and its combination over visits.

The apparent depths d' of a visit are the projections of its light curves on the transit window.
With the depths d and the nuisance parameters n (drift, mid-time, the shared window) they obey

    d' = d + X n + noise of precision W,    n ~ N(m, V),

where m and V come from the part of the light curves that does not depend on the depths. Every
marginalisation below is a Schur complement of that Gaussian.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from ariel_kit.core.instruments import N_WAVELENGTHS
from ariel_kit.light_curve.rank_one import RankOnePosterior
from ariel_kit.light_curve.systematics import Gaussian


@dataclass(frozen=True)
class DepthLikelihood:
    """Gaussian likelihood of the depths, marginalised over the nuisance parameters.

    Attributes
    ----------
    precision : Tensor [shape=(planet, 283, 283), dtype=float64]
        Inverse covariance of the depths.
    information : Tensor [shape=(planet, 283), dtype=float64]
        ``precision @ d`` at the depths d of highest likelihood.
    """

    precision: torch.Tensor
    information: torch.Tensor


@dataclass(frozen=True)
class SharedLikelihood:
    """Gaussian likelihood of the parameters that the visits of a planet have in common.

    These are the depths, which come first, and the shared coordinates of the transit window.

    Attributes
    ----------
    precision : Tensor [shape=(planet, 283 + shared, 283 + shared), dtype=float64]
    information : Tensor [shape=(planet, 283 + shared), dtype=float64]
        ``precision @ x`` at the parameters x of highest likelihood.
    """

    precision: torch.Tensor
    information: torch.Tensor

    def about(self, prior: np.ndarray, pull: np.ndarray, origin: np.ndarray) -> SharedLikelihood:
        """Remove the prior of the window, and convert steps from a reference to coordinates.

        Parameters
        ----------
        prior : ndarray [shape=(planet, shared, shared)]
            Precision of the prior to remove.
        pull : ndarray [shape=(planet, shared)]
            That precision times the prior's mean, as a step from the reference.
        origin : ndarray [shape=(planet, shared)]
            Reference coordinates.
        """
        to = partial(torch.as_tensor, device=self.precision.device)
        precision, information = self.precision.clone(), self.information.clone()
        precision[:, N_WAVELENGTHS:, N_WAVELENGTHS:] -= to(prior)
        information[:, N_WAVELENGTHS:] -= to(pull)
        return SharedLikelihood(
            precision, information + apply(precision[..., N_WAVELENGTHS:], to(origin))
        )

    def weakened(self, factor: np.ndarray) -> SharedLikelihood:
        """Return the likelihood for noise that is `factor` [shape=(visit,)] times larger."""
        share = torch.as_tensor(factor**-2.0, device=self.precision.device)
        return SharedLikelihood(
            self.precision * share[:, None, None], self.information * share[:, None]
        )

    def summed(self, owners: Sequence[int]) -> SharedLikelihood:
        """Multiply the likelihoods of each planet's visits.

        Parameters
        ----------
        owners : sequence of int
            Index of the planet of each row, counted from 0.
        """
        index = torch.as_tensor(owners, device=self.precision.device)
        n = int(index.max()) + 1
        precision = self.precision.new_zeros(n, *self.precision.shape[1:])
        information = self.information.new_zeros(n, *self.information.shape[1:])
        return SharedLikelihood(
            precision.index_add(0, index, self.precision),
            information.index_add(0, index, self.information),
        )

    def with_prior(self, precision: np.ndarray, mean: np.ndarray) -> SharedLikelihood:
        """Multiply by a Gaussian prior of the shared window.

        Parameters
        ----------
        precision : ndarray [shape=(planet, shared, shared)]
            Inverse covariance of the prior.
        mean : ndarray [shape=(planet, shared)]
            Mean of the prior.
        """
        total, information = self.precision.clone(), self.information.clone()
        prior = torch.as_tensor(precision, device=total.device)
        total[:, N_WAVELENGTHS:, N_WAVELENGTHS:] += prior
        information[:, N_WAVELENGTHS:] += apply(prior, torch.as_tensor(mean, device=total.device))
        return SharedLikelihood(total, information)

    @property
    def depths(self) -> DepthLikelihood:
        """Likelihood of the depths, marginalised over the window."""
        cross, factor = self._split()
        solved = torch.cholesky_solve(cross.transpose(1, 2), factor)
        return DepthLikelihood(
            self.precision[:, :N_WAVELENGTHS, :N_WAVELENGTHS] - cross @ solved,
            self.information[:, :N_WAVELENGTHS]
            - apply(solved.transpose(1, 2), self.information[:, N_WAVELENGTHS:]),
        )

    def window_at(self, depths: torch.Tensor) -> torch.Tensor:
        """Compute the most probable shared window [shape=(planet, shared)] given the depths."""
        cross, factor = self._split()
        right = self.information[:, N_WAVELENGTHS:] - apply(cross.transpose(1, 2), depths)
        return torch.cholesky_solve(right[..., None], factor)[..., 0]

    def _split(self) -> tuple[torch.Tensor, torch.Tensor]:
        cross = self.precision[:, :N_WAVELENGTHS, N_WAVELENGTHS:]
        inner = self.precision[:, N_WAVELENGTHS:, N_WAVELENGTHS:]
        return cross, torch.linalg.cholesky(inner)


@dataclass(frozen=True)
class Linearised:
    """One linearisation of a batch: apparent depths and nuisance parameters.

    Attributes
    ----------
    apparent : Tensor [shape=(planet, 283), dtype=float64]
        Projection d' of each light curve on the transit window: depth + modes @ nuisances + noise.
    weight : Tensor [shape=(planet, 283), dtype=float64]
        Inverse variance of that noise, the diagonal of W.
    modes : Tensor [shape=(planet, 283, nuisance), dtype=float64]
        X, the apparent depth for a unit of each nuisance parameter.
    nuisances : Gaussian
        N(m, V), from the part of the light curves that does not depend on the depths. It is
        independent of the noise above.
    drift : RankOnePosterior
        Posterior of AIRS's drift alone, with the evidence of its family.
    """

    apparent: torch.Tensor
    weight: torch.Tensor
    modes: torch.Tensor
    nuisances: Gaussian
    drift: RankOnePosterior

    @property
    def likelihood(self) -> DepthLikelihood:
        """Likelihood of the depths of one visit, marginalised over all nuisance parameters."""
        alone = self.shared_likelihood(0)
        return DepthLikelihood(alone.precision, alone.information)

    def shared_likelihood(self, n_shared: int) -> SharedLikelihood:
        """Compute the likelihood of the depths and of the nuisance parameters that visits share.

        Parameters
        ----------
        n_shared : int
            Number of shared nuisance parameters, which are the last ones. The others are
            marginalised.

        Returns
        -------
        SharedLikelihood
            It includes the prior of the shared parameters, which are steps from the reference.
        """
        n_visit = self.modes.shape[2] - n_shared
        # With n = (unshared, shared): precision of (depths, n) is [[W, W X], [X'W, X'W X + V^-1]].
        weighted, blind = self.modes * self.weight[..., None], self._blind()
        inner = blind + self.modes.transpose(1, 2) @ weighted
        pulled = apply(weighted.transpose(1, 2), self.apparent)
        pulled = pulled + apply(blind, self.nuisances.mean)
        shared = weighted[..., n_visit:]
        precision = torch.cat(
            [
                torch.cat([torch.diag_embed(self.weight), shared], dim=2),
                torch.cat([shared.transpose(1, 2), inner[:, n_visit:, n_visit:]], dim=2),
            ],
            dim=1,
        )
        information = torch.cat([self.weight * self.apparent, pulled[:, n_visit:]], dim=1)
        cross = torch.cat([weighted[..., :n_visit], inner[:, n_visit:, :n_visit]], dim=1)
        factor = torch.linalg.cholesky(inner[:, :n_visit, :n_visit])
        solved = torch.cholesky_solve(cross.transpose(1, 2), factor)
        return SharedLikelihood(
            precision - cross @ solved,
            information - apply(solved.transpose(1, 2), pulled[:, :n_visit]),
        )

    def nuisances_at(self, depths: torch.Tensor) -> torch.Tensor:
        """Compute the most probable nuisances [shape=(planet, nuisance)] given the depths."""
        weighted, factor = self._after()
        mean = self.nuisances.mean
        missed = self.apparent - depths - apply(self.modes, mean)
        right = apply(weighted.transpose(1, 2), missed)[..., None]
        return mean + torch.cholesky_solve(right, factor)[..., 0]

    def _after(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Compute W X, and the Cholesky factor of the nuisances' precision given the depths."""
        weighted = self.modes * self.weight[..., None]
        inner = self._blind() + self.modes.transpose(1, 2) @ weighted
        return weighted, torch.linalg.cholesky(inner)

    def _blind(self) -> torch.Tensor:
        """Compute V^-1, the precision of the nuisances without the apparent depths."""
        return torch.cholesky_inverse(torch.linalg.cholesky(self.nuisances.covariance))


def apply(matrix: torch.Tensor, vector: torch.Tensor) -> torch.Tensor:
    """Multiply each vector of a batch by its matrix."""
    return (matrix @ vector[..., None])[..., 0]
