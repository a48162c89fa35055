"""The nuisances of the joint fit: where they stand, their prior, and what the blind part says.

A batch's nuisances are the drift of FGS1 (degree), the drift of AIRS (degree x term, degrees
outermost; term 0 is white light, the others are polynomials in wavelength) and the coordinates of
the window.

Drifts are close to f(t) g(wavelength). With f the white-light drift, the drift at each order j in
wavelength is ``c_j = gain_j f + e_j`` with a small rest e. The gains follow from the light curves'
blind part, by evidence. Once they are known, whatever of f hides behind the transit in white light
shows as a pattern in wavelength, which a spectrum rarely looks like.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from ariel_kit.light_curve.drift import COLOUR_SIGMA, SECOND_DRIFT, DriftPrior
from ariel_kit.light_curve.systematics import BlindLikelihood, Gaussian, mix

TERMS = 1 + len(COLOUR_SIGMA)
ROUNDS = 10
"""Of Newton's method."""


@dataclass(frozen=True)
class NuisancePrior:
    """Gaussian prior of the nuisances in coordinates that do not know the gains.

    Attributes
    ----------
    degree : int
        Highest degree in time.
    precision : Tensor [shape=(planet, nuisance, nuisance), dtype=float64]
        Of (FGS1 drift, white drift f and rests e, window).
    """

    degree: int
    precision: torch.Tensor

    @classmethod
    def of(cls, drift: DriftPrior, window: np.ndarray, device: torch.device) -> NuisancePrior:
        """From the drift priors of a batch and the precisions of its windows' priors."""
        n, degree, _ = drift.grey.shape
        size = degree * (1 + TERMS) + window.shape[-1]
        prior = cls(degree, torch.zeros(n, size, size).double())
        certain = [np.linalg.inv(drift.grey)]
        certain += [certain[0] / (SECOND_DRIFT * sigma) ** 2 for sigma in COLOUR_SIGMA]
        for term, block in enumerate(certain):
            prior._set(prior.airs(term), block)
        prior._set(torch.arange(degree), np.linalg.inv(drift.fgs1))
        prior._set(torch.arange(size - window.shape[-1], size), window)
        return cls(degree, prior.precision.to(device))

    def _set(self, places: torch.Tensor, block: np.ndarray) -> None:
        self.precision[:, places[:, None], places[None, :]] = torch.as_tensor(block)

    @property
    def size(self) -> int:
        """Number of nuisances."""
        return self.precision.shape[-1]

    def airs(self, term: int) -> torch.Tensor:
        """Places of one order in wavelength among the nuisances [shape=(degree,)]."""
        return self.degree + term + TERMS * torch.arange(self.degree)

    def coupling(self, gains: torch.Tensor) -> torch.Tensor:
        """From the prior's coordinates to the nuisances: ``c_j = gain_j f + e_j``.

        Returns
        -------
        Tensor [shape=(planet, nuisance, nuisance)]
        """
        pattern = torch.zeros(TERMS - 1, self.size, self.size, dtype=torch.float64)
        for j in range(1, TERMS):
            pattern[j - 1, self.airs(j), self.airs(0)] = 1.0
        eye = torch.eye(self.size, dtype=torch.float64, device=gains.device)
        return eye + torch.einsum("pj,jab->pab", gains, pattern.to(gains.device))

    def posterior(self, blind: BlindLikelihood, pull: torch.Tensor) -> Gaussian:
        """What the blind part says about the nuisances, the gains integrated out.

        The integral over the gains is a cubature of six points (Arasaratnam & Haykin 2009,
        IEEE Trans. Autom. Control 54, 1254), exact for posteriors that bend with their square.

        Parameters
        ----------
        blind : BlindLikelihood
        pull : Tensor [shape=(planet, nuisance)]
            Information of the prior on the window.

        Returns
        -------
        Gaussian
        """
        gains, covariance = self.find_gains(blind, pull)
        steps = np.sqrt(TERMS - 1) * torch.linalg.cholesky(covariance)
        points = [gains + sign * steps[..., j] for j in range(TERMS - 1) for sign in (1, -1)]
        return mix([self._given(point, blind, pull) for point in points])

    def find_gains(
        self, blind: BlindLikelihood, pull: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """How much each order in wavelength follows white light.

        Newton's method on the evidence; a planet keeps its own damping and its best point.

        Parameters
        ----------
        blind, pull
            As for `posterior`.

        Returns
        -------
        gains : Tensor [shape=(planet, 3), dtype=float64]
        covariance : Tensor [shape=(planet, 3, 3), dtype=float64]
        """
        gains = self._first_gains(blind, pull)
        damping = torch.full((len(gains), 1), 1e-2, dtype=torch.float64, device=gains.device)
        value, slope, curvature = self._evidence(gains, blind, pull)
        for _ in range(ROUNDS):
            damped = curvature + torch.diag_embed(damping * self._least_curvature(gains))
            trial = gains + torch.linalg.solve(damped, slope[..., None])[..., 0]
            new_value, new_slope, new_curvature = self._evidence(trial, blind, pull)
            better = (new_value > value)[:, None]
            gains = torch.where(better, trial, gains)
            value = torch.maximum(value, new_value)
            slope = torch.where(better, new_slope, slope)
            curvature = torch.where(better[..., None], new_curvature, curvature)
            damping = torch.where(better, damping / 10, damping * 10)
        return gains, torch.linalg.inv(curvature)

    def _first_gains(self, blind: BlindLikelihood, pull: torch.Tensor) -> torch.Tensor:
        """Orders regressed on white light, each found on its own."""
        limit = self._limit(pull)
        wide = self.precision.clone()
        for j in range(1, TERMS):
            here = self.airs(j)
            wide[:, here[:, None], here[None, :]] *= SECOND_DRIFT**2
        mean = blind.posterior(wide, pull).mean
        white, grey = mean[:, self.airs(0)], self.airs(0)
        weighted = torch.einsum("pi,pij->pj", white, self.precision[:, grey][:, :, grey])
        size = 1 + (weighted * white).sum(1)
        orders = [(weighted * mean[:, self.airs(j)]).sum(1) / size for j in range(1, TERMS)]
        return torch.stack(orders, dim=1).clamp(-3 * limit, 3 * limit)

    def _limit(self, like: torch.Tensor) -> torch.Tensor:
        return torch.as_tensor(COLOUR_SIGMA, dtype=like.dtype, device=like.device)

    def _least_curvature(self, like: torch.Tensor) -> torch.Tensor:
        """That of the prior on the gains: all there is where a drift is too quiet to follow."""
        return self._limit(like) ** -2.0

    def _evidence(
        self, gains: torch.Tensor, blind: BlindLikelihood, pull: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Log evidence (planet,), its slope (planet, 3) and its curvature, made positive."""
        with torch.enable_grad():
            gains = gains.detach().requires_grad_(True)
            precision, information = self._decoupled(gains, blind, pull)
            factor = torch.linalg.cholesky(precision)
            half = torch.linalg.solve_triangular(factor, information[..., None], upper=False)
            value = 0.5 * (half**2).sum((1, 2))
            value = value - torch.log(torch.diagonal(factor, dim1=1, dim2=2)).sum(1)
            value = value - 0.5 * (self._least_curvature(gains) * gains**2).sum(1)
            (slope,) = torch.autograd.grad(value.sum(), gains, create_graph=True)
            rows = [
                torch.autograd.grad(column.sum(), gains, retain_graph=True)[0] for column in slope.T
            ]
        # In units of the prior no posterior is wider than one.
        unit = self._limit(gains)
        values, vectors = torch.linalg.eigh(-torch.stack(rows, dim=1) * unit[:, None] * unit)
        curvature = (vectors * values.clamp(min=1)[:, None, :]) @ vectors.transpose(1, 2)
        curvature = curvature / unit[:, None] / unit
        return value.detach(), slope.detach(), curvature.detach()

    def _decoupled(
        self, gains: torch.Tensor, blind: BlindLikelihood, pull: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Posterior precision and information in the prior's coordinates."""
        coupling = self.coupling(gains)
        precision = coupling.transpose(1, 2) @ blind.precision @ coupling + self.precision
        return precision, torch.einsum("pab,pa->pb", coupling, blind.information) + pull

    def _given(self, gains: torch.Tensor, blind: BlindLikelihood, pull: torch.Tensor) -> Gaussian:
        """The posterior for known gains."""
        precision, information = self._decoupled(gains, blind, pull)
        found = BlindLikelihood(precision, information).posterior()
        return found.moved(self.coupling(gains))
