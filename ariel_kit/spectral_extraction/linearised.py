"""What one linearisation of a fit says of the depths, and how the visits of a planet meet.

The apparent depths d' of a visit, its nuisances n (drift, mid-time, the shared window) and the
depths d are tied by

    d' = d + X n + noise of precision W,    n ~ N(m, V) from the light that is blind to the depths.

Every elimination below is a Schur complement of that Gaussian.
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
    """The light curves' Gaussian likelihood of the depths, nuisances eliminated.

    Attributes
    ----------
    precision : Tensor [shape=(planet, 283, 283), dtype=float64]
    information : Tensor [shape=(planet, 283), dtype=float64]
        ``precision @ d`` at the depths d of highest likelihood.
    """

    precision: torch.Tensor
    information: torch.Tensor


@dataclass(frozen=True)
class SharedLikelihood:
    """The likelihood of the depths and of the shared part of the window: where visits meet.

    Attributes
    ----------
    precision : Tensor [shape=(planet, 283 + shared, 283 + shared), dtype=float64]
    information : Tensor [shape=(planet, 283 + shared), dtype=float64]
        Depths first.
    """

    precision: torch.Tensor
    information: torch.Tensor

    def about(self, prior: np.ndarray, pull: np.ndarray, origin: np.ndarray) -> SharedLikelihood:
        """Take the prior out, and count the window from zero instead of from a reference.

        Parameters
        ----------
        prior : ndarray [shape=(planet, shared, shared)]
            Precision of the prior that was put in.
        pull : ndarray [shape=(planet, shared)]
            Its information about steps from the reference.
        origin : ndarray [shape=(planet, shared)]
            The reference.
        """
        to = partial(torch.as_tensor, device=self.precision.device)
        precision, information = self.precision.clone(), self.information.clone()
        precision[:, N_WAVELENGTHS:, N_WAVELENGTHS:] -= to(prior)
        information[:, N_WAVELENGTHS:] -= to(pull)
        return SharedLikelihood(
            precision, information + apply(precision[..., N_WAVELENGTHS:], to(origin))
        )

    def weakened(self, factor: np.ndarray) -> SharedLikelihood:
        """Weaken as if each visit's noise were `factor` [shape=(visit,)] times larger."""
        share = torch.as_tensor(factor**-2.0, device=self.precision.device)
        return SharedLikelihood(
            self.precision * share[:, None, None], self.information * share[:, None]
        )

    def summed(self, owners: Sequence[int]) -> SharedLikelihood:
        """Add up the visits of each planet; `owners` numbers the planet of each row from 0."""
        index = torch.as_tensor(owners, device=self.precision.device)
        n = int(index.max()) + 1
        precision = self.precision.new_zeros(n, *self.precision.shape[1:])
        information = self.information.new_zeros(n, *self.information.shape[1:])
        return SharedLikelihood(
            precision.index_add(0, index, self.precision),
            information.index_add(0, index, self.information),
        )

    def with_prior(self, precision: np.ndarray, mean: np.ndarray) -> SharedLikelihood:
        """Put in a prior on the shared window."""
        total, information = self.precision.clone(), self.information.clone()
        prior = torch.as_tensor(precision, device=total.device)
        total[:, N_WAVELENGTHS:, N_WAVELENGTHS:] += prior
        information[:, N_WAVELENGTHS:] += apply(prior, torch.as_tensor(mean, device=total.device))
        return SharedLikelihood(total, information)

    @property
    def depths(self) -> DepthLikelihood:
        """Of the depths, the window eliminated."""
        cross, factor = self._split()
        solved = torch.cholesky_solve(cross.transpose(1, 2), factor)
        return DepthLikelihood(
            self.precision[:, :N_WAVELENGTHS, :N_WAVELENGTHS] - cross @ solved,
            self.information[:, :N_WAVELENGTHS]
            - apply(solved.transpose(1, 2), self.information[:, N_WAVELENGTHS:]),
        )

    def window_at(self, depths: torch.Tensor) -> torch.Tensor:
        """Find the most probable shared window [shape=(planet, shared)] given the depths."""
        cross, factor = self._split()
        right = self.information[:, N_WAVELENGTHS:] - apply(cross.transpose(1, 2), depths)
        return torch.cholesky_solve(right[..., None], factor)[..., 0]

    def _split(self) -> tuple[torch.Tensor, torch.Tensor]:
        cross = self.precision[:, :N_WAVELENGTHS, N_WAVELENGTHS:]
        inner = self.precision[:, N_WAVELENGTHS:, N_WAVELENGTHS:]
        return cross, torch.linalg.cholesky(inner)


@dataclass(frozen=True)
class Linearised:
    """One linearisation of a batch: apparent depths, and what the nuisances add to them.

    Attributes
    ----------
    apparent : Tensor [shape=(planet, 283), dtype=float64]
        Projection of each light curve on the transit window: depth + modes @ nuisances + noise.
    weight : Tensor [shape=(planet, 283), dtype=float64]
        Inverse variance of that noise.
    modes : Tensor [shape=(planet, 283, nuisance), dtype=float64]
        What a unit of each nuisance looks like on the window.
    nuisances : Gaussian
        As the blind part of the light curves tells them; independent of the noise above.
    drift : RankOnePosterior
        What it tells of the family that AIRS's drift is of.
    """

    apparent: torch.Tensor
    weight: torch.Tensor
    modes: torch.Tensor
    nuisances: Gaussian
    drift: RankOnePosterior

    @property
    def likelihood(self) -> DepthLikelihood:
        """Of the depths of one visit, all nuisances eliminated."""
        alone = self.shared_likelihood(0)
        return DepthLikelihood(alone.precision, alone.information)

    def shared_likelihood(self, n_shared: int) -> SharedLikelihood:
        """Give the likelihood of the depths and of the nuisances that visits of a planet share.

        Parameters
        ----------
        n_shared : int
            How many of the last nuisances are shared; the others are eliminated.

        Returns
        -------
        SharedLikelihood
            The prior of the shared ones included, in steps from the reference.
        """
        n_own = self.modes.shape[2] - n_shared
        # With n = (own, shared): precision of (depths, n) is [[W, W X], [X'W, X'W X + V^-1]].
        weighted, blind = self.modes * self.weight[..., None], self._blind()
        inner = blind + self.modes.transpose(1, 2) @ weighted
        pulled = apply(weighted.transpose(1, 2), self.apparent)
        pulled = pulled + apply(blind, self.nuisances.mean)
        shared = weighted[..., n_own:]
        precision = torch.cat(
            [
                torch.cat([torch.diag_embed(self.weight), shared], dim=2),
                torch.cat([shared.transpose(1, 2), inner[:, n_own:, n_own:]], dim=2),
            ],
            dim=1,
        )
        information = torch.cat([self.weight * self.apparent, pulled[:, n_own:]], dim=1)
        cross = torch.cat([weighted[..., :n_own], inner[:, n_own:, :n_own]], dim=1)
        factor = torch.linalg.cholesky(inner[:, :n_own, :n_own])
        solved = torch.cholesky_solve(cross.transpose(1, 2), factor)
        return SharedLikelihood(
            precision - cross @ solved,
            information - apply(solved.transpose(1, 2), pulled[:, :n_own]),
        )

    def nuisances_at(self, depths: torch.Tensor) -> torch.Tensor:
        """Find the most probable nuisances [shape=(planet, nuisance)] given the depths."""
        weighted, factor = self._after()
        mean = self.nuisances.mean
        missed = self.apparent - depths - apply(self.modes, mean)
        right = apply(weighted.transpose(1, 2), missed)[..., None]
        return mean + torch.cholesky_solve(right, factor)[..., 0]

    def _after(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Weigh the modes, and factor the nuisances' precision at given depths (Cholesky)."""
        weighted = self.modes * self.weight[..., None]
        inner = self._blind() + self.modes.transpose(1, 2) @ weighted
        return weighted, torch.linalg.cholesky(inner)

    def _blind(self) -> torch.Tensor:
        """Compute the precision of the nuisances before the depths are known."""
        return torch.cholesky_inverse(torch.linalg.cholesky(self.nuisances.covariance))


def apply(matrix: torch.Tensor, vector: torch.Tensor) -> torch.Tensor:
    """Multiply each vector of a batch by its matrix."""
    return (matrix @ vector[..., None])[..., 0]
