"""Results of a fit of many planets, from which spectra are computed under a prior."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np

from ariel_kit.core.config import ExtractionSettings
from ariel_kit.core.observation import Visit
from ariel_kit.core.passes import IN_MEMORY, Passes, StoredBatch
from ariel_kit.core.runtime import one_thread
from ariel_kit.core.spectrum import Spectrum
from ariel_kit.light_curve.drift import DriftMixture
from ariel_kit.light_curve.population import Population
from ariel_kit.light_curve.stage import NO_FIT
from ariel_kit.light_curve.systematics import Denoiser
from ariel_kit.spectral_extraction.conclude import Members, conclude, learn_shapes, offered
from ariel_kit.spectral_extraction.priors import SpectrumPrior
from ariel_kit.spectral_extraction.steps import UnfittedVisit
from ariel_kit.spectral_extraction.visits import FittedBatch

Rest = Callable[[list[Visit], list[Spectrum]], list[Spectrum]]
"""Function for the stages after the fit, from visits and their spectra to new spectra."""


@dataclass(frozen=True)
class LearnedPriors:
    """Priors that were learned from the planets of a run.

    Attributes
    ----------
    airs, fgs1 : DriftMixture
        Priors of the drift in time.
    sizes : ndarray [shape=(size,), dtype=float64], optional
        Probabilities of the sizes of drifts; None if only white light was fitted.
    population : Population, optional
        Population of the windows, for an edition with a catalogue.
    prior : SpectrumPrior, optional
        Prior of the spectra, with learned shapes.
    """

    airs: DriftMixture
    fgs1: DriftMixture
    sizes: np.ndarray | None = None
    population: Population | None = None
    prior: SpectrumPrior | None = None


@dataclass(frozen=True)
class FitPlan:
    """Prior and settings of a fit of light curves.

    Attributes
    ----------
    prior : SpectrumPrior
    settings : ExtractionSettings
    denoise : callable, optional
        Function that corrects the drift of the joint fit, see `ariel_kit.denoising`.
    device : str
        Device of torch that computes the joint fit.
    passes : Passes
        How the batches are stored and distributed over processes.
    taught : LearnedPriors, optional
        Priors that were learned from other planets. If given, nothing is learned from these.
    """

    prior: SpectrumPrior
    settings: ExtractionSettings
    denoise: Denoiser | None = None
    device: str = "cpu"
    passes: Passes = IN_MEMORY
    taught: LearnedPriors | None = None


@dataclass(frozen=True)
class LightCurveFit:
    """Result of a fit of light curves.

    Attributes
    ----------
    joints : list of StoredBatch
        A `FittedBatch` for each batch of visits; empty if only white light was fitted.
    planets : list of frozenset of int
        Planets of each batch.
    unfitted : dict of int to UnfittedVisit
        Visits without a joint fit, by the index of the visit.
    taught : LearnedPriors, optional
        Priors that were learned; None if no visit could be fitted.
    order : FitPlan
        Prior and settings of the fit.
    """

    joints: list[StoredBatch[FittedBatch]]
    planets: list[frozenset[int]]
    unfitted: dict[int, UnfittedVisit]
    taught: LearnedPriors | None
    order: FitPlan

    @cached_property
    def spectra(self) -> list[Spectrum]:
        """One spectrum per visit, in the order of the visits."""
        return self.conclude(self.learned_prior())

    @one_thread()
    def learned_prior(
        self, prior: SpectrumPrior | None = None, planet_ids: Collection[int] | None = None
    ) -> SpectrumPrior:
        """Learn the shapes of the spectra from the fitted planets.

        Parameters
        ----------
        prior : SpectrumPrior, optional
            Prior that the learning starts from; by default that of the fit.
        planet_ids : collection of int, optional
            Planets to learn from; by default all.

        Returns
        -------
        SpectrumPrior
        """
        prior = prior or self.order.prior
        if self.order.taught is not None and self.order.taught.prior is not None:
            return self.order.taught.prior
        batches = self._of(planet_ids)
        if self.order.settings.low_rank == "labels" or not batches:
            return prior

        def ask(current: SpectrumPrior) -> list[tuple[np.ndarray, np.ndarray]]:
            question = partial(_moments, current, planet_ids)
            return self.order.passes.ask(question, batches, "shapes")

        return learn_shapes(offered(prior, self.order.settings), ask)

    def conclude(self, prior: SpectrumPrior, rest: Rest | None = None) -> list[Spectrum]:
        """Compute the spectra of all visits under a prior, and apply the stages after the fit.

        Parameters
        ----------
        prior : SpectrumPrior
            Prior of the spectra, from `learned_prior`.
        rest : callable, optional
            Stages after the fit; by default none.

        Returns
        -------
        list of Spectrum
            One per visit, in the order of the visits.
        """
        rest = rest or _unchanged
        noted = partial(_note_denoiser, self.order.denoise is not None)
        places, unfitted = list(self.unfitted), list(self.unfitted.values())
        spectra = [noted(single.spectrum) for single in unfitted]
        found = dict(zip(places, rest([single.visit for single in unfitted], spectra), strict=True))
        found |= self._conclude(prior, rest, None)
        return [found[place] for place in range(len(found))]

    def under(
        self, prior: SpectrumPrior, planet_ids: Collection[int], rest: Rest | None = None
    ) -> list[Spectrum]:
        """Compute the spectra of some planets under another prior, without a new fit.

        The likelihood of the depths remains linearised about the spectra under the first prior.
        This changes a depth by less than a hundredth of its sigma.

        Parameters
        ----------
        prior : SpectrumPrior
            Prior that the learning of shapes starts from.
        planet_ids : collection of int
            Planets to compute spectra of.
        rest : callable, optional
            Stages after the fit; by default none.

        Returns
        -------
        list of Spectrum
            Spectra in the order of the visits, without those that have no joint fit.
        """
        learned = self.learned_prior(prior, planet_ids)
        found = self._conclude(learned, rest or _unchanged, planet_ids)
        return [found[place] for place in sorted(found)]

    def _of(self, planet_ids: Collection[int] | None) -> list[StoredBatch[FittedBatch]]:
        """List the batches that contain any of these planets."""
        pairs = zip(self.joints, self.planets, strict=True)
        return [
            joint for joint, own in pairs if planet_ids is None or not own.isdisjoint(planet_ids)
        ]

    def _conclude(
        self, prior: SpectrumPrior, rest: Rest, planet_ids: Collection[int] | None
    ) -> dict[int, Spectrum]:
        question = partial(_conclude_batch, prior, rest, planet_ids, self.order.denoise is not None)
        answers = self.order.passes.ask(question, self._of(planet_ids), "spectra")
        return {place: spectrum for answer in answers for place, spectrum in answer.items()}


def _unchanged(visits: list[Visit], spectra: list[Spectrum]) -> list[Spectrum]:
    return spectra


def _moments(
    prior: SpectrumPrior, planet_ids: Collection[int] | None, fit: FittedBatch
) -> tuple[np.ndarray, np.ndarray]:
    """Compute the second moments of the shapes, and the weights of the amplitudes."""
    posterior = prior.posterior(Members.of(fit, planet_ids).likelihood())
    return posterior.shape_moment.cpu().numpy(), posterior.weights.cpu().numpy()


def _conclude_batch(
    prior: SpectrumPrior,
    rest: Rest,
    planet_ids: Collection[int] | None,
    denoised: bool,
    fit: FittedBatch,
) -> dict[int, Spectrum]:
    """Compute the spectra of planets of a batch, and apply the stages after the fit."""
    members = Members.of(fit, planet_ids)
    found = conclude(members, prior)
    visits = [fit.batch.visits[row] for row in members.visits]
    spectra = [_note_denoiser(denoised, spectrum) for spectrum in found.values()]
    return dict(zip(found, rest(visits, spectra), strict=True))


def _note_denoiser(asked: bool, spectrum: Spectrum) -> Spectrum:
    """Record in the provenance whether the denoiser was used for this visit."""
    if not asked:
        return spectrum
    used = spectrum.fit is not None and spectrum.covariance is not None
    note = {"status": "complete"} if used else NO_FIT
    return replace(spectrum, provenance={**spectrum.provenance, "denoise": note})
