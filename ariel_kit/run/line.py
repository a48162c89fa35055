"""The line: calibrated observations to spectra, stage by stage."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path

import numpy as np

from ariel_kit.core.cache import Mapped, StoredSequence
from ariel_kit.core.config import RunSettings
from ariel_kit.core.observation import Observation
from ariel_kit.core.passes import IN_MEMORY, Passes
from ariel_kit.core.pool import Failure, Pool
from ariel_kit.core.runtime import find_device
from ariel_kit.core.spectrum import Spectrum
from ariel_kit.denoising.stage import DenoiseStage
from ariel_kit.jitter_correction.stage import JitterStage
from ariel_kit.light_curve.stage import OFF, LineState, LoadedStage, Stage
from ariel_kit.run.fitted import FittedLine, Keep, through, unchanged
from ariel_kit.spectral_extraction import SpectrumPrior
from ariel_kit.spectral_extraction.batch import split_into_batches
from ariel_kit.spectral_extraction.fitted import LearnedPriors
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
"""The stages in the order in which they are applied. A new stage is one folder, one entry
here and one switch in `ariel_kit.core.config.StageSettings`."""

LARGEST_JOINT_FIT = 512
"""Largest number of planets that are fitted together. The priors that a run learns of drifts,
windows and shapes no longer change with more planets, and each planet of a joint fit is linearised
again after each of them."""


@dataclass(frozen=True)
class LoadedLine:
    """The line of a run with all weights loaded; make one with `load_line`.

    Attributes
    ----------
    stages : tuple of LoadedStage
        Those that are on.
    refusals : dict of str to str
        Why a stage is off that the settings switch on, by its name.
    taught : LearnedPriors, optional
        Priors that an earlier fit of other planets has learned.
    """

    stages: tuple[LoadedStage, ...]
    refusals: Mapping[str, str] = field(default_factory=dict)
    taught: LearnedPriors | None = None

    @property
    def weights(self) -> dict[str, str]:
        """SHA-256 of each stage's weights, by the name of the stage."""
        return {stage.name: stage.weights for stage in self.stages if stage.weights is not None}

    def __call__(
        self,
        observations: Sequence[Observation],
        prior: SpectrumPrior,
        passes: Passes = IN_MEMORY,
        keep: Keep = unchanged,
    ) -> list[Spectrum]:
        """Take observations through the line.

        Up to `LARGEST_JOINT_FIT` planets are fitted together, and their common priors are learned
        from all of them. In a larger run, so many planets, spread evenly over it, are fitted first;
        the others are then fitted in batches under the priors that these have given.

        If the line fails, the visits that cause the failure get the population's spectrum. The
        others are fitted as if those had not been there.

        Parameters
        ----------
        observations : sequence of Observation
            Each is taken when it is asked for and not kept: a sequence on disk need not fit in
            memory.
        prior : SpectrumPrior
        passes : Passes
            Processes that do the work; this process, with states in memory, when left out.
        keep : callable
            Function that the worker applies to the spectra of a batch before it returns them. It
            may write large parts of them to disk and leave them out.

        Returns
        -------
        list of Spectrum
            One per observation, in their order.
        """
        lessons, groups = _split_run(observations)
        teachers = _take(observations, lessons)
        taught, answers = self._fit_together(teachers, prior, passes, keep)
        found = dict(zip(lessons, answers, strict=True))
        rest = replace(self, taught=taught)
        found |= rest._fit_apart(observations, groups, prior, passes.pool, keep)
        return [self._in_order(found[place]) for place in range(len(found))]

    def then(self, stage: LoadedStage) -> LoadedLine:
        """Append a stage that the run itself has made."""
        return replace(self, stages=(*self.stages, stage))

    def fit(
        self,
        observations: Sequence[Observation],
        prior: SpectrumPrior,
        passes: Passes = IN_MEMORY,
    ) -> FittedLine:
        """Take observations through the line as far as the joint fit, for several priors to come.

        Parameters
        ----------
        observations : sequence of Observation
        prior : SpectrumPrior
            Light curves are fitted about the answers under it.
        passes : Passes
            As in `__call__`.
        """
        end = 1 + [stage.name for stage in self.stages].index(FitStage.name)
        start = LineState(observations, prior, passes=passes, taught=self.taught)
        return FittedLine(through(self.stages[:end], start), self.stages[end:])

    def _fit_together(
        self, observations: Sequence[Observation], prior: SpectrumPrior, passes: Passes, keep: Keep
    ) -> tuple[LearnedPriors | None, list[Spectrum]]:
        """Fit planets together; return the priors learned from them, and their spectra."""
        try:
            return self.fit(observations, prior, passes).concluded(keep)
        except Exception:
            faults = self._find_faults(observations, prior, passes.pool)
            if not faults:
                raise
        places = range(len(observations))
        fine = _take(observations, [place for place in places if place not in faults])
        taught, answers = self.fit(fine, prior, passes).concluded(keep)
        fitted = iter(answers)
        return taught, [faults[p] if p in faults else next(fitted) for p in places]

    def _find_faults(
        self, observations: Sequence[Observation], prior: SpectrumPrior, pool: Pool
    ) -> dict[int, Spectrum]:
        """Apply the line to each visit alone; return spectra of those for which it fails."""
        alone = [_take(observations, [place]) for place in range(len(observations))]
        answers = self._answers(alone, prior, pool, unchanged, "each alone")
        return {
            place: _failed_spectrum(one[0], prior, answer)
            for place, one, answer in answers
            if isinstance(answer, Failure)
        }

    def _fit_apart(
        self,
        observations: Sequence[Observation],
        groups: Sequence[list[int]],
        prior: SpectrumPrior,
        pool: Pool,
        keep: Keep,
    ) -> dict[int, Spectrum]:
        """Fit batches under given priors, each as a task; return the spectra by index.

        The visits of a batch that fails are fitted one by one.
        """
        tasks = [_take(observations, group) for group in groups]
        found: dict[int, Spectrum] = {}
        for number, task, answer in self._answers(tasks, prior, pool, keep, "fit"):
            group = groups[number]
            if not isinstance(answer, Failure):
                found |= zip(group, answer, strict=True)
            elif len(group) == 1:
                found[group[0]] = _failed_spectrum(task[0], prior, answer)
            else:
                each = [[place] for place in group]
                found |= self._fit_apart(observations, each, prior, pool, keep)
        return found

    def _answers(
        self,
        tasks: Sequence[Sequence[Observation]],
        prior: SpectrumPrior,
        pool: Pool,
        keep: Keep,
        name: str,
    ) -> Iterator[tuple[int, Sequence[Observation], list[Spectrum] | Failure]]:
        """Apply the line to groups of observations, each as a task."""
        return pool.answers(
            partial(self._answer, prior, keep),
            tasks,
            total=sum(len(task) for task in tasks),
            description=name,
            planets=len,
            quiet=True,
        )

    def _answer(
        self, prior: SpectrumPrior, keep: Keep, observations: Sequence[Observation]
    ) -> list[Spectrum]:
        return self.fit(observations, prior).concluded(keep)[1]

    def _in_order(self, spectrum: Spectrum) -> Spectrum:
        """List all stages in the provenance in the order of the line, also those that are off."""
        told = spectrum.provenance
        off = {name: OFF | {"reason": reason} for name, reason in self.refusals.items()}
        names = dict.fromkeys([*(one.name for one in LINE), *(one.name for one in self.stages)])
        line = {name: told.get(name, off.get(name, OFF)) for name in names}
        around = {name: facts for name, facts in told.items() if name not in line}
        return replace(spectrum, provenance={**around, **line})


def _split_run(observations: Sequence[Observation]) -> tuple[list[int], list[list[int]]]:
    """Choose the visits that are fitted together, and group the others into batches."""
    if len(observations) <= LARGEST_JOINT_FIT:
        return list(range(len(observations))), []
    places: dict[int, list[int]] = {}
    for place, planet in enumerate(_planet_ids(observations)):
        places.setdefault(planet, []).append(place)
    planets = list(places.values())
    chosen = set(
        np.linspace(0, len(planets) - 1, min(LARGEST_JOINT_FIT, len(planets))).astype(int).tolist()
    )
    lessons = [place for number in sorted(chosen) for place in planets[number]]
    rest = [own for number, own in enumerate(planets) if number not in chosen]
    return lessons, split_into_batches(rest)


def _planet_ids(observations: Sequence[Observation]) -> list[int]:
    if isinstance(observations, StoredSequence):
        return observations.planet_ids
    return [one.planet_id for one in observations]


def _take(observations: Sequence[Observation], places: Sequence[int]) -> Sequence[Observation]:
    if isinstance(observations, StoredSequence | Mapped):
        return observations.take(places)  # nothing is read yet
    return [observations[place] for place in places]


def _failed_spectrum(observation: Observation, prior: SpectrumPrior, failure: Failure) -> Spectrum:
    """Build the population's spectrum for a visit for which the line fails."""
    log.warning("planet %s: %s", observation.planet_id, failure)
    fallback = prior.fallback(observation.planet_id, str(failure))
    return replace(fallback, provenance={**observation.provenance, **fallback.provenance})


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
