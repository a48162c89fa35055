"""A line after the fit of light curves, which gives spectra under one prior after another."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace

from ariel_kit.core.observation import Visit
from ariel_kit.core.runtime import one_thread
from ariel_kit.core.spectrum import Spectrum
from ariel_kit.light_curve.stage import LineState, LoadedStage
from ariel_kit.spectral_extraction import SpectrumPrior
from ariel_kit.spectral_extraction.fitted import LearnedPriors, LightCurveFit

Keep = Callable[[list[Spectrum]], list[Spectrum]]
"""Function that a worker applies to the spectra of a batch before it returns them."""


def unchanged(spectra: list[Spectrum]) -> list[Spectrum]:
    """Return the spectra of a batch as they are."""
    return spectra


@dataclass(frozen=True)
class FittedLine:
    """Fitted light curves, from which spectra follow under any prior.

    Attributes
    ----------
    state : LineState
        After the fit.
    rest : tuple of LoadedStage
        What follows the fit.
    """

    state: LineState
    rest: tuple[LoadedStage, ...]

    def concluded(self, keep: Keep) -> tuple[LearnedPriors | None, list[Spectrum]]:
        """Compute the priors learned from all visits, and the spectra of all visits."""
        fit: LightCurveFit = self.state.fit
        prior = fit.learned_prior()
        spectra = fit.conclude(prior, _Rest(self.rest, self.state.prior, keep))
        return fit.taught and replace(fit.taught, prior=prior), spectra

    def under(self, prior: SpectrumPrior, planet_ids: Collection[int]) -> list[Spectrum]:
        """Compute spectra of some planets under a prior, and apply the stages after the fit.

        Returns
        -------
        list of Spectrum
            One per visit that has a joint fit.
        """
        fit: LightCurveFit = self.state.fit
        return fit.under(prior, planet_ids, _Rest(self.rest, prior, unchanged))


@dataclass(frozen=True)
class _Rest:
    """The stages after the fit, for the visits of a batch."""

    stages: tuple[LoadedStage, ...]
    prior: SpectrumPrior
    keep: Keep

    def __call__(self, visits: list[Visit], spectra: list[Spectrum]) -> list[Spectrum]:
        state = LineState((), self.prior, visits=visits, spectra=spectra)
        return self.keep(list(through(self.stages, state).spectra))


def through(stages: Iterable[LoadedStage], state: LineState) -> LineState:
    """Apply stages to the state of the line, one after another.

    The number of threads decides the last bits of a fit: it is one in every process.
    """
    with one_thread():
        for stage in stages:
            state = stage(state)
    return state
