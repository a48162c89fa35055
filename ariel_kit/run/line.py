"""The line: calibrated observations to spectra, stage by stage."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from ariel_kit.core.config import RunSettings
from ariel_kit.core.observation import Observation
from ariel_kit.core.parallel import PlanetFailure
from ariel_kit.core.runtime import available_cores, find_device, torch_threads
from ariel_kit.core.spectrum import Spectrum
from ariel_kit.denoising.stage import DenoiseStage
from ariel_kit.jitter_correction.stage import JitterStage
from ariel_kit.light_curve.stage import OFF, LineState, LoadedStage, Stage
from ariel_kit.spectral_extraction import SpectrumPrior
from ariel_kit.spectral_extraction.stage import FitStage, RefineStage
from ariel_kit.uncertainty.stage import UncertaintyStage

log = logging.getLogger(__name__)

LINE: tuple[type[Stage], ...] = (
    JitterStage,
    DenoiseStage,
    FitStage,
    RefineStage,
    UncertaintyStage,
)
"""The stages in the order in which data passes. A new stage is one folder, one entry here and one
switch in `ariel_kit.core.config.StageSettings`."""


@dataclass(frozen=True)
class LoadedLine:
    """The line of a run with all weights loaded; make one with `load_line`.

    Attributes
    ----------
    stages : tuple of LoadedStage
        Those that are on.
    refusals : dict of str to str
        Why a stage is off that the settings switch on, by its name.
    """

    stages: tuple[LoadedStage, ...]
    refusals: Mapping[str, str] = field(default_factory=dict)

    @property
    def weights(self) -> dict[str, str]:
        """SHA-256 of each stage's weights, by the name of the stage."""
        return {stage.name: stage.weights for stage in self.stages if stage.weights is not None}

    def __call__(self, observations: Sequence[Observation], prior: SpectrumPrior) -> list[Spectrum]:
        """Take observations through the line.

        Where the line breaks, the visits that break it are found and get the population's
        spectrum; the others pass as if those had not been there.

        Parameters
        ----------
        observations : sequence of Observation
            Taken one at a time and not kept: a sequence on disk need not fit in memory.
        prior : SpectrumPrior

        Returns
        -------
        list of Spectrum
            One per observation, in their order.
        """
        try:
            return self._answer(observations, prior)
        except Exception:
            faults = self._find_faults(observations, prior)
            if not faults:
                raise
        fine = (each for place, each in enumerate(observations) if place not in faults)
        fitted = iter(self._answer(fine, prior))
        return [
            self._in_order(faults[place]) if place in faults else next(fitted)
            for place in range(len(observations))
        ]

    def then(self, stage: LoadedStage) -> LoadedLine:
        """Let one more stage follow, which the run itself has made."""
        return replace(self, stages=(*self.stages, stage))

    def fit(self, observations: Iterable[Observation], prior: SpectrumPrior) -> FittedLine:
        """Take observations through the line as far as the joint fit, for several priors to come.

        Parameters
        ----------
        observations : iterable of Observation
        prior : SpectrumPrior
            Light curves are fitted about the answers under it.
        """
        end = 1 + [stage.name for stage in self.stages].index(FitStage.name)
        state = _through(self.stages[:end], LineState(observations, prior))
        return FittedLine(state, self.stages[end:])

    def _answer(self, observations: Iterable[Observation], prior: SpectrumPrior) -> list[Spectrum]:
        state = _through(self.stages, LineState(observations, prior))
        return [self._in_order(spectrum) for spectrum in state.spectra]

    def _find_faults(
        self, observations: Sequence[Observation], prior: SpectrumPrior
    ) -> dict[int, Spectrum]:
        """Take each visit through the line by itself; those that break it get a spectrum."""
        faults = {}
        for place, observation in enumerate(observations):
            try:
                self._answer([observation], prior)
            except Exception as error:  # noqa: BLE001
                failure = PlanetFailure.of(observation.planet_id, error)
                log.warning("%s", failure)
                fallback = prior.fallback(failure.planet_id, f"{failure.error}: {failure.reason}")
                told = {**observation.provenance, **fallback.provenance}
                faults[place] = replace(fallback, provenance=told)
        return faults

    def _in_order(self, spectrum: Spectrum) -> Spectrum:
        """Let the provenance tell every stage in the order of the line, also those that are off."""
        told = spectrum.provenance
        off = {name: OFF | {"reason": reason} for name, reason in self.refusals.items()}
        names = dict.fromkeys([*(one.name for one in LINE), *(one.name for one in self.stages)])
        line = {name: told.get(name, off.get(name, OFF)) for name in names}
        around = {name: facts for name, facts in told.items() if name not in line}
        return replace(spectrum, provenance={**around, **line})


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

    def under(self, prior: SpectrumPrior, planet_ids: Collection[int]) -> list[Spectrum]:
        """Conclude some planets under a prior, and take them through the rest of the line.

        Returns
        -------
        list of Spectrum
            One per visit that has a joint fit.
        """
        spectra = self.state.fit.under(prior, planet_ids)
        visits = [self.state.visits[place] for place in spectra]
        state = replace(
            self.state, prior=prior, visits=visits, fit=None, spectra=list(spectra.values())
        )
        return list(_through(self.rest, state).spectra)


def _through(stages: Iterable[LoadedStage], state: LineState) -> LineState:
    # Compiling the kernels may change torch's number of threads, and with it the last bits of
    # a fit. A resumed run, which compiles nothing, has to end in the same bytes.
    with torch_threads(available_cores()):
        for stage in stages:
            state = stage(state)
    return state


def load_line(
    settings: RunSettings, models_dir: str | Path | None = None, *, edition: int
) -> LoadedLine:
    """Load every stage that the settings switch on.

    A stage whose weights in the package are of another edition or revision is off all the same.
    The log says so, and the provenance of every spectrum.

    Parameters
    ----------
    settings : RunSettings
    models_dir : path, optional
        Folder of own weights folders; those that it lacks come from the package.
    edition : int
        Year of the challenge that the observations are of.

    Returns
    -------
    LoadedLine

    Raises
    ------
    WeightsError
        If weights are missing, damaged, or of another network; or if weights in `models_dir` are of
        another edition or revision.
    ConfigError
        If the device that the settings name is not there.

    Examples
    --------
    >>> from ariel_kit.core.config import StageSettings
    >>> line = load_line(RunSettings(stages=StageSettings.only("jitter")), edition=2024)
    >>> [stage.name for stage in line.stages], list(line.weights)
    (['jitter', 'fit', 'uncertainty'], ['jitter'])

    The line of this planet is the fit alone:

    >>> import numpy as np
    >>> from ariel_kit.simulation import draw_planets, draw_spectra, simulate_observation
    >>> from ariel_kit.spectral_extraction import learn_prior
    >>> (planet,) = draw_planets(1, seed=3)
    >>> prior = learn_prior(draw_spectra(40, rng=np.random.default_rng(0)))
    >>> plain = load_line(RunSettings(stages=StageSettings.only()), edition=2024)
    >>> (spectrum,) = plain([simulate_observation(planet, seed=0)], prior)
    >>> {stage.name: spectrum.provenance[stage.name]["status"] for stage in LINE}
    {'jitter': 'off', 'denoise': 'off', 'fit': 'complete', 'refine': 'off', 'uncertainty': 'off'}
    """
    device, refusals = find_device(settings.device), {}
    for stage in LINE:
        if stage.name not in settings.stages.switched_on():
            continue
        reason = stage.find_refusal(settings, models_dir, edition)
        if reason is not None:
            _tell_refusal(stage.name, reason)
            refusals[stage.name] = reason
            settings = _without(settings, stage.name)  # later stages depend on what is on
    loaded = (stage.load(settings, models_dir, device) for stage in LINE)
    return LoadedLine(tuple(stage for stage in loaded if stage is not None), refusals)


def _without(settings: RunSettings, stage: str) -> RunSettings:
    stages = settings.stages.model_copy(update={stage: False})
    return settings.model_copy(update={"stages": stages})


@cache  # a run loads more than one line, and says so once
def _tell_refusal(stage: str, reason: str) -> None:
    log.warning("the stage %s is off: %s", stage, reason)
