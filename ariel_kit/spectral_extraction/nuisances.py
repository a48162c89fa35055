"""The nuisance parameters of the joint fit: their order, their prior and their posterior.

The nuisance parameters are, in this order, the drift of FGS1 (degree), the drift of AIRS (degree x
column, degrees outermost) and the coordinates of the window. FGS1's drift and the window have
Gaussian priors and are eliminated in closed form; AIRS's drift is nearly f(t) g(column), see
`ariel_kit.light_curve.rank_one`. The likelihood is that of the blind part of the light curves,
which does not depend on the depths.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from ariel_kit.light_curve.drift import (
    COLUMNS,
    DEGREE,
    FREE_REST,
    SCALES,
    DriftPrior,
    column_modes,
    time_modes,
)
from ariel_kit.light_curve.rank_one import RankOnePosterior, RankOnePrior
from ariel_kit.light_curve.systematics import BlindLikelihood, Gaussian

N_DRIFT = DEGREE * (1 + COLUMNS)
"""Number of drift coefficients: those of FGS1, then those of AIRS."""
LEAST_REST = 1e-9
"""Sigma that is added to every coefficient, so that the covariance of a drift of rank one is not
singular."""


@dataclass(frozen=True)
class NuisancePrior:
    """Prior of the nuisance parameters.

    Attributes
    ----------
    others : Tensor [shape=(planet, nuisance, nuisance), dtype=float64]
        Precision of FGS1's drift and of the window; zero for AIRS's drift.
    drift : RankOnePrior
        Prior of AIRS's drift.
    """

    others: torch.Tensor
    drift: RankOnePrior

    @classmethod
    def of(cls, drift: DriftPrior, window: np.ndarray, device: torch.device) -> NuisancePrior:
        """Build the prior of a batch.

        Parameters
        ----------
        drift : DriftPrior
        window : ndarray [shape=(planet, coordinate, coordinate)]
            Precisions of the priors of the windows.
        device : torch.device
        """
        size = N_DRIFT + window.shape[-1]
        others = np.zeros((len(drift.fgs1), size, size))
        others[:, :DEGREE, :DEGREE] = np.linalg.inv(drift.fgs1)
        others[:, N_DRIFT:, N_DRIFT:] = window
        return cls(torch.as_tensor(others, device=device), airs_drift_prior(drift, device))

    @property
    def size(self) -> int:
        """Number of nuisance parameters."""
        return self.others.shape[-1]

    def posterior(
        self, blind: BlindLikelihood, pull: torch.Tensor
    ) -> tuple[Gaussian, RankOnePosterior]:
        """Compute the posterior of the nuisance parameters given the blind part.

        Parameters
        ----------
        blind : BlindLikelihood
        pull : Tensor [shape=(planet, nuisance)]
            Precision of the window's prior times its mean, as a step from the reference.

        Returns
        -------
        nuisances : Gaussian
        drift : RankOnePosterior
            Posterior of AIRS's drift alone.
        """
        places = torch.arange(self.size, device=pull.device)
        n, o = places[DEGREE:N_DRIFT], torch.cat([places[:DEGREE], places[N_DRIFT:]])
        precision, information = blind.precision + self.others, blind.information + pull
        # Given the drift n, the other parameters o have mean Po^-1 (b_o - P_on n), precision Po.
        given = BlindLikelihood(precision[:, o][:, :, o], information[:, o]).posterior()
        cross = precision[:, o][:, :, n]
        slope = -given.covariance @ cross
        alone = BlindLikelihood(
            precision[:, n][:, :, n] + cross.transpose(1, 2) @ slope,
            information[:, n] - (cross.transpose(1, 2) @ given.mean[..., None])[..., 0],
        )
        drift = self.drift.posterior(alone)
        return _joint_distribution(n, o, given, slope, drift.drift), drift


def airs_drift_prior(drift: DriftPrior, device: torch.device) -> RankOnePrior:
    """Build the prior of AIRS's drift: the mission's family and drifts of no family.

    Both are present at every size of `SCALES`. In time, a drift of no family has the covariance
    that was learned from white light; in addition it has a part that is not of rank one.
    """
    n, sizes = len(drift.grey), len(SCALES)
    mission, columns = time_modes(), column_modes()
    # White light's covariance in time, scaled to the trace of the mission's.
    size = np.trace(mission @ mission.T) / np.trace(drift.grey, axis1=1, axis2=2)
    free = drift.grey * size[:, None, None]
    factors = np.stack(
        [np.broadcast_to(mission, free.shape), np.linalg.cholesky(free)], axis=1
    ).repeat(sizes, axis=1)
    shape = (n, 1, DEGREE * COLUMNS, DEGREE * COLUMNS)
    rest = np.einsum("pik,jl->pijkl", FREE_REST**2 * free, columns @ columns.T).reshape(shape)
    rest = rest * SCALES[:, None, None] ** 2
    least = np.broadcast_to(LEAST_REST**2 * np.eye(DEGREE * COLUMNS), rest.shape)
    parts = (
        factors,
        np.tile(SCALES[:, None, None] * columns, (2, 1, 1)),
        np.concatenate([least, rest + least], axis=1),
        np.log(drift.weights),
    )
    return RankOnePrior(*(torch.as_tensor(part.copy(), device=device) for part in parts))


def _joint_distribution(
    n: torch.Tensor, o: torch.Tensor, given: Gaussian, slope: torch.Tensor, drift: Gaussian
) -> Gaussian:
    """Compute the joint distribution of the drift n and the other nuisance parameters.

    Given n, the others have the mean ``given.mean + slope @ n`` and the covariance of `given`.
    """
    size = len(n) + len(o)
    turned = slope @ drift.covariance
    mean = drift.mean.new_zeros(len(drift.mean), size)
    covariance = mean.new_zeros(len(mean), size, size)
    mean[:, n] = drift.mean
    mean[:, o] = given.mean + (slope @ drift.mean[..., None])[..., 0]
    covariance[:, n[:, None], n] = drift.covariance
    covariance[:, o[:, None], n] = turned
    covariance[:, n[:, None], o] = turned.transpose(1, 2)
    covariance[:, o[:, None], o] = given.covariance + turned @ slope.transpose(1, 2)
    return Gaussian(mean, covariance)
