"""The joint fit of a batch of visits, with one posterior of the depths for each planet."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from ariel_kit.light_curve.drift import SCALES
from ariel_kit.light_curve.population import Population, WindowLikelihood
from ariel_kit.light_curve.systematics import Denoiser, Systematics
from ariel_kit.light_curve.white_light import USUAL_RESIDUAL
from ariel_kit.spectral_extraction.batch import Batch
from ariel_kit.spectral_extraction.joint_fit import JointFit
from ariel_kit.spectral_extraction.linearised import DepthLikelihood, Linearised, SharedLikelihood
from ariel_kit.spectral_extraction.nuisances import N_DRIFT
from ariel_kit.spectral_extraction.priors import SpectrumPrior


@dataclass
class FittedBatch:
    """The joint fit of a batch of visits at its last linearisation.

    Attributes
    ----------
    batch : Batch
    joint : JointFit
    denoise : callable, optional
        Function that corrects the posterior of the drift; see `ariel_kit.denoising`.
    linearised : Linearised
        Last linearisation, with the posterior of the drift before it is corrected by `denoise`.
    residual : ndarray [shape=(visit, 283), dtype=float64]
        Factor by which the noise of each light curve was multiplied to explain its residual.
    """

    batch: Batch
    joint: JointFit
    denoise: Denoiser | None
    linearised: Linearised
    residual: np.ndarray

    @classmethod
    def of(cls, batch: Batch, joint: JointFit, denoise: Denoiser | None) -> FittedBatch:
        """Linearise about the white-light fit."""
        linearised = joint.linearise()
        return cls(batch, joint, denoise, linearised, np.ones(joint.depths.shape))

    @property
    def places(self) -> list[int]:
        """Indices of the visits among all that were fitted."""
        return self.batch.places

    @property
    def systematics(self) -> Systematics:
        """Residual AIRS light curves and their drift, the input of the denoiser."""
        return self.joint.systematics(self.linearised)

    @property
    def planet_spread(self) -> np.ndarray:
        """Standard deviation that grazing and red noise add to each level [shape=(planet,)].

        The level is also drawn towards the population's for it.
        """
        return self._largest(self.batch.level_spread)

    @property
    def planet_doubt(self) -> np.ndarray:
        """Sigma added to the level of planets outside the validated range [shape=(planet,)].

        Such a planet may lie outside the population, so its level stays where it is.
        """
        return self._largest(self.batch.doubt)

    def _largest(self, of_visits: np.ndarray) -> np.ndarray:
        """Take the largest value among the visits of each planet."""
        largest = np.zeros(max(self.batch.owners) + 1)
        np.maximum.at(largest, self.batch.owners, of_visits)
        return largest

    def expected(self) -> Linearised:
        """Return the linearisation with the posterior of the drift corrected by the denoiser."""
        if self.denoise is None:
            return self.linearised
        return replace(self.linearised, nuisances=self.denoise(self.systematics))

    def shared(self, expected: Linearised) -> SharedLikelihood:
        """Combine the visits of each planet into one likelihood.

        Parameters
        ----------
        expected : Linearised
            Linearisation of the visits, with the corrected drift.

        Returns
        -------
        SharedLikelihood
            One row for each planet; it includes the prior of the shared window.
        """
        precision, mean = self._shared_prior()
        origin = self.joint.window[:, 1:]
        pull = np.einsum("pij,pj->pi", precision, mean - origin)
        visits = expected.shared_likelihood(self.joint.n_window - 1).about(precision, pull, origin)
        combined = visits.weakened(self.batch.misfit).summed(self.batch.owners)
        rows = self.batch.freest
        return combined.with_prior(precision[rows], mean[rows])

    def likelihood(self) -> DepthLikelihood:
        """Compute the likelihood of the depths of each planet."""
        return self.shared(self.expected()).depths

    def converge(self, prior: SpectrumPrior, moves: int) -> None:
        """Linearise again about the posterior of window, depths and drift, `moves` times.

        Parameters
        ----------
        prior : SpectrumPrior
        moves : int
            Number of linearisations.
        """
        for _ in range(moves):
            expected = self.expected()
            shared = self.shared(expected)
            depths = prior.posterior(shared.depths).mean
            owners = torch.as_tensor(self.batch.owners, device=depths.device)
            nuisances = expected.nuisances_at(depths[owners])
            step, drift = nuisances[:, N_DRIFT:], nuisances[:, :N_DRIFT]
            window = self.joint.window + step.cpu().numpy()
            window[:, 1:] = shared.window_at(depths).cpu().numpy()[self.batch.owners]
            self.joint.move_to(window, depths[owners], drift)
            self.linearised = self.joint.linearise()

    def believe(self, population: Population) -> None:
        """Replace the prior of the windows by what was learned from the run, and linearise."""
        self.joint.believe(self.batch.believe(population))
        self.linearised = self.joint.linearise()

    def expect_sizes(self, weights: np.ndarray) -> None:
        """Replace the prior of drift sizes by what was learned from the run, and linearise.

        Parameters
        ----------
        weights : ndarray [shape=(2 * scale,)]
            See `ariel_kit.light_curve.drift.learn_weights`.
        """
        self.joint.expect(replace(self.joint.drift, weights=weights))
        self.linearised = self.joint.linearise()

    def widen(self) -> None:
        """Increase the noise of light curves whose residual exceeds it."""
        misfit = self.joint.misfit(self.expected(), self.joint.depths)
        factor = np.where(misfit > USUAL_RESIDUAL, misfit, 1.0)
        if (factor > 1).any():
            self.joint.weaken(factor)
            self.residual = self.residual * factor
            self.linearised = self.joint.linearise()

    @property
    def free_drift(self) -> np.ndarray:
        """Probability that the drift of each visit is of no family [shape=(visit,)]."""
        return self.linearised.drift.share[:, len(SCALES) :].sum(1).cpu().numpy()

    def window_likelihood(self) -> WindowLikelihood:
        """Compute the likelihood of each visit's window from the part blind to the depths."""
        size, prior = self.joint.n_window, self.joint.prior
        nuisances = self.linearised.nuisances
        covariance = nuisances.covariance[:, -size:, -size:].cpu().numpy()
        mean = self.joint.window + nuisances.mean[:, -size:].cpu().numpy()
        precision = np.linalg.inv(covariance)
        return WindowLikelihood(
            precision - prior.precision,
            np.einsum("pij,pj->pi", precision, mean)
            - np.einsum("pij,pj->pi", prior.precision, prior.mean),
        )

    def _shared_prior(self) -> tuple[np.ndarray, np.ndarray]:
        """Compute precision and mean of the prior of the window coordinates that visits share."""
        covariance = np.linalg.inv(self.joint.prior.precision)[:, 1:, 1:]
        return np.linalg.inv(covariance), self.joint.prior.mean[:, 1:]
