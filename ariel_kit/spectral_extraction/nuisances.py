"""The nuisances of the joint fit: where they stand, their prior, and what the blind part says.

A batch's nuisances are the drift of FGS1 (degree), the drift of AIRS (degree x column, degrees
outermost) and the coordinates of the window. FGS1's drift and the window have Gaussian priors and
are eliminated; AIRS's drift is nearly f(t) g(column), see `ariel_kit.light_curve.rank_one`.
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
"""Nuisances that are drift: those of FGS1 first, then those of AIRS."""
LEAST_REST = 1e-9
"""Of every coefficient: keeps the covariance of a drift of rank one from being singular."""


@dataclass(frozen=True)
class NuisancePrior:
    """Prior of the nuisances.

    Attributes
    ----------
    others : Tensor [shape=(planet, nuisance, nuisance), dtype=float64]
        Precision of FGS1's drift and of the window; zero for AIRS's drift.
    drift : RankOnePrior
        Of AIRS's drift.
    """

    others: torch.Tensor
    drift: RankOnePrior

    @classmethod
    def of(cls, drift: DriftPrior, window: np.ndarray, device: torch.device) -> NuisancePrior:
        """Build from the drift priors of a batch and the precisions of its windows' priors."""
        size = N_DRIFT + window.shape[-1]
        others = np.zeros((len(drift.fgs1), size, size))
        others[:, :DEGREE, :DEGREE] = np.linalg.inv(drift.fgs1)
        others[:, N_DRIFT:, N_DRIFT:] = window
        return cls(torch.as_tensor(others, device=device), airs_drift_prior(drift, device))

    @property
    def size(self) -> int:
        """Number of nuisances."""
        return self.others.shape[-1]

    def posterior(
        self, blind: BlindLikelihood, pull: torch.Tensor
    ) -> tuple[Gaussian, RankOnePosterior]:
        """Compute what the blind part says about the nuisances.

        Parameters
        ----------
        blind : BlindLikelihood
        pull : Tensor [shape=(planet, nuisance)]
            Information of the prior on the window.

        Returns
        -------
        nuisances : Gaussian
        drift : RankOnePosterior
            Of AIRS's drift alone.
        """
        places = torch.arange(self.size, device=pull.device)
        own, rest = places[DEGREE:N_DRIFT], torch.cat([places[:DEGREE], places[N_DRIFT:]])
        precision, information = blind.precision + self.others, blind.information + pull
        # The others o given the drift n: mean Po^-1 (b_o - P_on n), precision Po.
        given = BlindLikelihood(precision[:, rest][:, :, rest], information[:, rest]).posterior()
        cross = precision[:, rest][:, :, own]
        slope = -given.covariance @ cross
        alone = BlindLikelihood(
            precision[:, own][:, :, own] + cross.transpose(1, 2) @ slope,
            information[:, own] - (cross.transpose(1, 2) @ given.mean[..., None])[..., 0],
        )
        found = self.drift.posterior(alone)
        return _together(own, rest, given, slope, found.drift), found


def airs_drift_prior(drift: DriftPrior, device: torch.device) -> RankOnePrior:
    """Build the prior: the mission's family and drifts of no family, at every size of `SCALES`.

    A drift of no family has the course in time that the run's white light taught, and a rest that
    is not of rank one.
    """
    n, sizes = len(drift.grey), len(SCALES)
    mission, columns = time_modes(), column_modes()
    # The mission's size and white light's shape: the scale says how large.
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


def _together(
    own: torch.Tensor, rest: torch.Tensor, given: Gaussian, slope: torch.Tensor, drift: Gaussian
) -> Gaussian:
    """Join a drift n and the other nuisances, whose mean is ``given.mean + slope @ n``."""
    size = len(own) + len(rest)
    turned = slope @ drift.covariance
    mean = drift.mean.new_zeros(len(drift.mean), size)
    covariance = mean.new_zeros(len(mean), size, size)
    mean[:, own] = drift.mean
    mean[:, rest] = given.mean + (slope @ drift.mean[..., None])[..., 0]
    covariance[:, own[:, None], own] = drift.covariance
    covariance[:, rest[:, None], own] = turned
    covariance[:, own[:, None], rest] = turned.transpose(1, 2)
    covariance[:, rest[:, None], rest] = given.covariance + turned @ slope.transpose(1, 2)
    return Gaussian(mean, covariance)
