"""From likelihoods of depths to spectra: the prior, its shapes learned on, the facts of the fit."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import torch

from ariel_kit.core.config import ExtractionSettings
from ariel_kit.core.instruments import wavelengths
from ariel_kit.core.observation import Visit
from ariel_kit.core.spectrum import FitFacts, Spectrum, WhiteLightCurve
from ariel_kit.spectral_extraction.linearised import DepthLikelihood
from ariel_kit.spectral_extraction.model_error import MODEL_ERROR
from ariel_kit.spectral_extraction.priors import SpectrumPrior, refine_prior
from ariel_kit.spectral_extraction.visits import FittedBatch

EM_ROUNDS = 2
SHAPE_STRENGTH = 30.0
"""Planets' worth of belief in the shapes of the round before."""


@dataclass(frozen=True)
class Answer:
    """Depths of one visit: mean and sigma [shape=(283,)], covariance, and the facts beside them."""

    mean: np.ndarray
    sigma: np.ndarray
    facts: FitFacts
    covariance: np.ndarray | None = None


@dataclass(frozen=True)
class Members:
    """Some planets of a fitted batch.

    Attributes
    ----------
    fit : FittedBatch
    planets : list of int
        Their numbers among the planets of the batch.
    """

    fit: FittedBatch
    planets: list[int]

    @classmethod
    def of(cls, fit: FittedBatch, planet_ids: Collection[int] | None = None) -> Members:
        """Pick planets by their ids, or all."""
        pairs = zip(fit.batch.owners, fit.batch.visits, strict=True)
        chosen = {own for own, v in pairs if planet_ids is None or v.planet_id in planet_ids}
        return cls(fit, sorted(chosen))

    @property
    def visits(self) -> list[int]:
        """Rows of their visits in the batch."""
        return [row for row, own in enumerate(self.fit.batch.owners) if own in self.planets]

    def likelihood(self) -> DepthLikelihood:
        """Give the likelihood of their depths."""
        whole = self.fit.likelihood()
        return DepthLikelihood(whole.precision[self.planets], whole.information[self.planets])


def conclude(
    members: Sequence[Members], prior: SpectrumPrior, settings: ExtractionSettings
) -> dict[int, Spectrum]:
    """Put light curves and prior together; the shapes are learned on from the planets themselves.

    Parameters
    ----------
    members : sequence of Members
    prior : SpectrumPrior
    settings : ExtractionSettings

    Returns
    -------
    dict of int to Spectrum
        By the place of the visit among all that were fitted.
    """
    likelihoods = [one.likelihood() for one in members]
    if members and settings.low_rank != "labels":
        prior = learn_shapes(offered(prior, settings), likelihoods)
    return {
        one.fit.places[row]: make_spectrum(
            one.fit.batch.visits[row], one.fit.batch.white_light(row), answer
        )
        for one, likelihood in zip(members, likelihoods, strict=True)
        for row, answer in zip(one.visits, answer_batch(prior, one, likelihood), strict=True)
    }


def offered(prior: SpectrumPrior, settings: ExtractionSettings) -> SpectrumPrior:
    """Offer the shapes that are learned from the planets themselves, where that is asked for."""
    if settings.low_rank == "labels":
        return prior
    return prior.widened(keep=settings.low_rank == "both")


def make_spectrum(visit: Visit, white_light: WhiteLightCurve, answer: Answer) -> Spectrum:
    """Give one visit its spectrum."""
    return Spectrum(
        planet_id=visit.planet_id,
        wavelength=wavelengths(),
        mean=answer.mean,
        sigma=answer.sigma,
        covariance=answer.covariance,
        fit=answer.facts,
        white_light=(white_light,),
        provenance={**visit.provenance, "fit": {"status": "complete", **asdict(answer.facts)}},
    )


def learn_shapes(prior: SpectrumPrior, likelihoods: Sequence[DepthLikelihood]) -> SpectrumPrior:
    """Learn the shapes by EM over the planets being predicted, each with its own noise."""
    for _ in range(EM_ROUNDS):
        moments = [prior.posterior(likelihood).shape_moment for likelihood in likelihoods]
        prior = refine_prior(prior, torch.cat(moments).cpu().numpy(), SHAPE_STRENGTH)
    return prior


def answer_batch(
    prior: SpectrumPrior, members: Members, likelihood: DepthLikelihood
) -> list[Answer]:
    """Give each visit its answer; the visits of a planet share theirs."""
    fit = members.fit
    posterior = prior.posterior(likelihood)
    mean, covariance = posterior.mean.cpu().numpy(), posterior.covariance.cpu().numpy()
    mean, covariance = _with_spread(mean, covariance, fit.planet_spread[members.planets], prior)
    covariance = covariance + fit.planet_doubt[members.planets][:, None, None] ** 2
    sigma = MODEL_ERROR.sigma(covariance)
    alpha, beta = prior.typical_amplitudes(posterior)
    answers = []
    all_facts = fit.batch.facts(fit.joint.window)
    for row in members.visits:
        planet = members.planets.index(fit.batch.owners[row])
        facts = replace(
            all_facts[row],
            fgs1_residual=float(fit.residual[row, 0]),
            noisy_wavelengths=int(np.sum(fit.residual[row, 1:] > 1)),
            alpha=float(alpha[planet]),
            beta=float(beta[planet]),
            prior=prior.source,
            free_drift=float(fit.free_drift[row]),
        )
        answers.append(Answer(mean[planet], sigma[planet], facts, covariance[planet]))
    return answers


def _with_spread(
    mean: np.ndarray, covariance: np.ndarray, spread: np.ndarray, prior: SpectrumPrior
) -> tuple[np.ndarray, np.ndarray]:
    """Widen the level by what grazing and red noise add, and draw it towards the population's.

    With v = spread**2 the variance of the level m, and the population N(m0, v0), the level becomes
    ``m + v / (v + v0) (m0 - m)`` and its variance ``v v0 / (v + v0)``.
    """
    variance, population = spread**2, float(np.mean(prior.sigma_depth)) ** 2
    share = variance / (variance + population)
    off = prior.mean_depth.mean() - mean.mean(axis=1)
    return mean + (share * off)[:, None], covariance + (share * population)[:, None, None]
