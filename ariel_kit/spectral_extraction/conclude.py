"""Computation of spectra from the likelihood of the depths and the prior on spectra."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, replace

import numpy as np

from ariel_kit.core.config import ExtractionSettings
from ariel_kit.core.instruments import wavelengths
from ariel_kit.core.observation import Visit
from ariel_kit.core.spectrum import FitFacts, Spectrum, WhiteLightCurve
from ariel_kit.spectral_extraction.linearised import DepthLikelihood
from ariel_kit.spectral_extraction.model_error import MODEL_ERROR
from ariel_kit.spectral_extraction.priors import SpectrumPrior, refine_prior
from ariel_kit.spectral_extraction.visits import FittedBatch

EM_ROUNDS = 2
"""Rounds of expectation-maximisation."""
SHAPE_STRENGTH = 30.0
"""Weight of the shapes of the previous round, as a number of planets."""


@dataclass(frozen=True)
class Answer:
    """Depths of one visit: mean and sigma [shape=(283,)], covariance, and facts of the fit."""

    mean: np.ndarray
    sigma: np.ndarray
    facts: FitFacts
    covariance: np.ndarray | None = None


@dataclass(frozen=True)
class Members:
    """Some of the planets of a fitted batch.

    Attributes
    ----------
    fit : FittedBatch
    planets : list of int
        Indices of these planets in the batch.
    """

    fit: FittedBatch
    planets: list[int]

    @classmethod
    def of(cls, fit: FittedBatch, planet_ids: Collection[int] | None = None) -> Members:
        """Select planets by their ids; all if no ids are given."""
        pairs = zip(fit.batch.owners, fit.batch.visits, strict=True)
        chosen = {own for own, v in pairs if planet_ids is None or v.planet_id in planet_ids}
        return cls(fit, sorted(chosen))

    @property
    def visits(self) -> list[int]:
        """Indices of these planets' visits in the batch."""
        return [row for row, own in enumerate(self.fit.batch.owners) if own in self.planets]

    def likelihood(self) -> DepthLikelihood:
        """Select the likelihood of these planets' depths."""
        whole = self.fit.likelihood()
        return DepthLikelihood(whole.precision[self.planets], whole.information[self.planets])


def conclude(members: Members, prior: SpectrumPrior) -> dict[int, Spectrum]:
    """Compute the posterior spectra of fitted planets.

    Parameters
    ----------
    members : Members
        Planets to compute spectra of.
    prior : SpectrumPrior
        Prior of the spectra; its shapes may have been learned from the planets of the run.

    Returns
    -------
    dict of int to Spectrum
        Spectrum of each visit, by the index of the visit among all that were fitted.
    """
    batch = members.fit.batch
    answers = zip(members.visits, answer_batch(prior, members), strict=True)
    return {
        batch.places[row]: make_spectrum(batch.visits[row], batch.white_light(row), answer)
        for row, answer in answers
    }


def offered(prior: SpectrumPrior, settings: ExtractionSettings) -> SpectrumPrior:
    """Add smooth shapes to the prior, from which shapes of the planets are learned, if enabled."""
    if settings.low_rank == "labels":
        return prior
    return prior.widened(keep=settings.low_rank == "both")


def make_spectrum(visit: Visit, white_light: WhiteLightCurve, answer: Answer) -> Spectrum:
    """Build the spectrum of one visit."""
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


def learn_shapes(
    prior: SpectrumPrior, ask: Callable[[SpectrumPrior], list[tuple[np.ndarray, np.ndarray]]]
) -> SpectrumPrior:
    """Learn shapes and their amplitudes from the planets being predicted.

    The method is expectation-maximisation.

    Parameters
    ----------
    prior : SpectrumPrior
        Prior that the learning starts from.
    ask : callable
        Function that computes `Posterior.shape_moment` and `Posterior.weights` of all planets under
        a prior, as one pair of arrays for each batch.

    Returns
    -------
    SpectrumPrior
    """
    for _ in range(EM_ROUNDS):
        moments, weights = (np.concatenate(parts) for parts in zip(*ask(prior), strict=True))
        prior = refine_prior(prior, moments, weights, SHAPE_STRENGTH)
    return prior


def answer_batch(prior: SpectrumPrior, members: Members) -> list[Answer]:
    """Compute the depths of each visit; the visits of a planet have the same depths."""
    fit = members.fit
    posterior = prior.posterior(members.likelihood())
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
    """Add the uncertainty of the level from grazing and red noise, and shrink the level.

    With v = spread**2 the added variance of the level m, and the population N(m0, v0), the level
    becomes ``m + v / (v + v0) (m0 - m)``, and its variance grows by ``v v0 / (v + v0)``.
    """
    variance, population = spread**2, float(np.mean(prior.sigma_depth)) ** 2
    share = variance / (variance + population)
    off = prior.mean_depth.mean() - mean.mean(axis=1)
    return mean + (share * off)[:, None], covariance + (share * population)[:, None, None]
