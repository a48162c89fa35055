"""A line whose light curves are fitted: concluded under one prior after another, batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace

from ariel_kit.core.observation import Visit
from ariel_kit.core.runtime import one_thread
from ariel_kit.core.spectrum import Spectrum
from ariel_kit.light_curve.stage import LineState, LoadedStage
from ariel_kit.spectral_extraction import SpectrumPrior
from ariel_kit.spectral_extraction.fitted import LightCurveFit, Taught

Keep = Callable[[list[Spectrum]], list[Spectrum]]
"""What is done with the spectra of a batch where it was worked on, before they are given back."""


def as_they_are(spectra: list[Spectrum]) -> list[Spectrum]:
    """Keep nothing of the spectra of a batch but themselves."""
    return spectra


@dataclass(frozen=True)
class FittedLine:
    """Fitted light curves that can be concluded under one prior after another.

    Attributes
    ----------
    state : LineState
        After the fit.
    rest : tuple of LoadedStage
        What follows the fit.
    """

    state: LineState
    rest: tuple[LoadedStage, ...]

    def concluded(self, keep: Keep) -> tuple[Taught | None, list[Spectrum]]:
        """Conclude all visits under the prior of the fit; give what they teach, too."""
        fit: LightCurveFit = self.state.fit
        prior = fit.learned_prior()
        spectra = fit.conclude(prior, _Rest(self.rest, self.state.prior, keep))
        return fit.taught and replace(fit.taught, prior=prior), spectra

    def under(self, prior: SpectrumPrior, planet_ids: Collection[int]) -> list[Spectrum]:
        """Conclude some planets under a prior, and take them through the rest of the line.

        Returns
        -------
        list of Spectrum
            One per visit that has a joint fit.
        """
        fit: LightCurveFit = self.state.fit
        return fit.under(prior, planet_ids, _Rest(self.rest, prior, as_they_are))


@dataclass(frozen=True)
class _Rest:
    """What follows the fit, for the visits of a batch."""

    stages: tuple[LoadedStage, ...]
    prior: SpectrumPrior
    keep: Keep

    def __call__(self, visits: list[Visit], spectra: list[Spectrum]) -> list[Spectrum]:
        state = LineState((), self.prior, visits=visits, spectra=spectra)
        return self.keep(list(through(self.stages, state).spectra))


def through(stages: Iterable[LoadedStage], state: LineState) -> LineState:
    """Let the state of the line walk through stages.

    The number of threads decides the last bits of a fit: it is one in every process.
    """
    with one_thread():
        for stage in stages:
            state = stage(state)
    return state
