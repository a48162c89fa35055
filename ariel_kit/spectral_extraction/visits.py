"""A batch of visits on its way to one posterior for each planet."""

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
    """The joint fit of some visits as it stands at its last linearisation.

    Attributes
    ----------
    batch : Batch
    joint : JointFit
    denoise : callable, optional
        The hook that says what drift to expect.
    linearised : Linearised
        With the nuisances as the drift model has them, before the hook.
    residual : ndarray [shape=(visit, 283), dtype=float64]
        What the noise of each light curve was multiplied by, since the fit leaves more than it.
    """

    batch: Batch
    joint: JointFit
    denoise: Denoiser | None
    linearised: Linearised
    residual: np.ndarray

    @classmethod
    def of(cls, batch: Batch, joint: JointFit, denoise: Denoiser | None) -> FittedBatch:
        """Linearise about white light."""
        linearised = joint.linearise()
        return cls(batch, joint, denoise, linearised, np.ones(joint.depths.shape))

    @property
    def places(self) -> list[int]:
        """Where the visits stand among all that were fitted."""
        return self.batch.places

    @property
    def systematics(self) -> Systematics:
        """The blind light of AIRS and the drift found in it: what a denoiser is given last."""
        return self.joint.systematics(self.linearised)

    @property
    def planet_spread(self) -> np.ndarray:
        """Standard deviation that grazing and red noise add to each level [shape=(planet,)]."""
        spread = np.zeros(max(self.batch.owners) + 1)
        np.maximum.at(spread, self.batch.owners, self.batch.level_spread)
        return spread

    @property
    def planet_doubt(self) -> np.ndarray:
        """One sigma that the level of planets beyond the tried gets more [shape=(planet,)]."""
        found = np.zeros(max(self.batch.owners) + 1)
        np.maximum.at(found, self.batch.owners, self.batch.doubt)
        return found

    def expected(self) -> Linearised:
        """Let the denoiser say what drift to expect."""
        if self.denoise is None:
            return self.linearised
        return replace(self.linearised, nuisances=self.denoise(self.systematics))

    def shared(self, expected: Linearised) -> SharedLikelihood:
        """Bring the visits of each planet together, one row for each planet."""
        precision, mean = self._shared_prior()
        origin = self.joint.window[:, 1:]
        pull = np.einsum("pij,pj->pi", precision, mean - origin)
        visits = expected.shared_likelihood(self.joint.n_window - 1).about(precision, pull, origin)
        together = visits.weakened(self.batch.misfit).summed(self.batch.owners)
        own = self.batch.freest
        return together.with_prior(precision[own], mean[own])

    def likelihood(self) -> DepthLikelihood:
        """Give the likelihood of the depths of each planet."""
        return self.shared(self.expected()).depths

    def converge(self, prior: SpectrumPrior, moves: int) -> None:
        """Relinearise about the posterior until the window and the depths agree."""
        for _ in range(moves):
            expected = self.expected()
            shared = self.shared(expected)
            depths = prior.posterior(shared.depths).mean
            owners = torch.as_tensor(self.batch.owners, device=depths.device)
            nuisances = expected.nuisances_at(depths[owners])
            own, drift = nuisances[:, N_DRIFT:], nuisances[:, :N_DRIFT]
            window = self.joint.window + own.cpu().numpy()
            window[:, 1:] = shared.window_at(depths).cpu().numpy()[self.batch.owners]
            self.joint.move_to(window, depths[owners], drift)
            self.linearised = self.joint.linearise()

    def believe(self, population: Population) -> None:
        """Take what the run taught of its windows."""
        self.joint.believe(self.batch.believe(population))
        self.linearised = self.joint.linearise()

    def expect_sizes(self, weights: np.ndarray) -> None:
        """Take what the run taught of the sizes of its drifts."""
        self.joint.expect(replace(self.joint.drift, weights=weights))
        self.linearised = self.joint.linearise()

    def widen(self) -> None:
        """Raise the noise of light curves until it explains what the fit leaves of them."""
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
        """Say what the light that is blind to the depths tells of each visit's window."""
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
        """Give precision and mean of the prior on what the visits of a planet share."""
        covariance = np.linalg.inv(self.joint.prior.precision)[:, 1:, 1:]
        return np.linalg.inv(covariance), self.joint.prior.mean[:, 1:]
