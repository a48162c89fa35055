"""Fit of many visits: white light, drift, joint fit, and what the planets have in common."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from ariel_kit.core.config import ExtractionSettings
from ariel_kit.core.observation import Observation, Visit
from ariel_kit.core.passes import StoredBatch, number_batches
from ariel_kit.core.runtime import one_thread
from ariel_kit.core.spectrum import Spectrum
from ariel_kit.light_curve.drift import (
    DriftLikelihood,
    DriftMixture,
    default_drift,
    learn_weights,
)
from ariel_kit.light_curve.population import Population, WindowLikelihood
from ariel_kit.light_curve.systematics import Denoiser
from ariel_kit.spectral_extraction.batch import Batch, VisitSummary, group_visits
from ariel_kit.spectral_extraction.conclude import offered
from ariel_kit.spectral_extraction.fitted import FitPlan, LearnedPriors, LightCurveFit
from ariel_kit.spectral_extraction.priors import SpectrumPrior
from ariel_kit.spectral_extraction.steps import (
    UnfittedVisit,
    WindowResult,
    begin,
    fallback,
    finish,
    join,
    settle,
    white_spectra,
)
from ariel_kit.spectral_extraction.visits import FittedBatch

log = logging.getLogger(__name__)


def fit_planets(
    observations: Sequence[Observation],
    *,
    prior: SpectrumPrior,
    settings: ExtractionSettings | None = None,
    denoise: Denoiser | None = None,
) -> list[Spectrum]:
    """Fit calibrated observations.

    The priors of drifts, windows and spectra are learned from the observations, so they improve
    with the number of planets that are fitted together.

    Parameters
    ----------
    observations : sequence of Observation
        Calibrated visits.
    prior : SpectrumPrior
        Prior of the spectra, from `learn_prior` or `simulated_prior`.
    settings : ExtractionSettings, optional
    denoise : callable, optional
        Function that corrects the drift of the joint fit, see `ariel_kit.denoising`.

    Returns
    -------
    list of Spectrum
        Spectra in the order of `observations`. A planet whose fit failed has the spectrum of the
        population and None as its `fit`; the reason is in its provenance.

    Examples
    --------
    >>> from ariel_kit.simulation import draw_planets, draw_spectra, simulate_observation
    >>> from ariel_kit.spectral_extraction import learn_prior
    >>> (planet,) = draw_planets(1, seed=3)
    >>> prior = learn_prior(draw_spectra(40, rng=np.random.default_rng(0)))
    >>> white = ExtractionSettings(extractor="white")
    >>> (spectrum,) = fit_planets(
    ...     [simulate_observation(planet, seed=0)], prior=prior, settings=white
    ... )
    >>> bool(abs(spectrum.mean[1:].mean() - planet.depths[1:].mean()) < 1e-4)
    True
    """
    settings = settings or ExtractionSettings()
    visits = bin_planets(observations, settings)
    return fit_light_curves(visits, prior=prior, settings=settings, denoise=denoise).spectra


def bin_planets(observations: Iterable[Observation], settings: ExtractionSettings) -> list[Visit]:
    """Bin the light curves of observations for `fit_light_curves`.

    Parameters
    ----------
    observations : iterable of Observation
        Calibrated visits. They are processed one at a time and not kept, so that a sequence on disk
        need not fit in memory.
    settings : ExtractionSettings
        Settings that contain the length of a bin.

    Returns
    -------
    list of Visit
    """
    return [observation.visit(settings.bin_seconds) for observation in observations]


def fit_light_curves(
    visits: Sequence[Visit],
    *,
    prior: SpectrumPrior,
    settings: ExtractionSettings | None = None,
    denoise: Denoiser | None = None,
    device: str = "cpu",
) -> LightCurveFit:
    """Fit binned light curves; see `fit_planets`.

    Parameters
    ----------
    visits : sequence of Visit
        Binned visits, from `bin_planets`.
    prior, settings, denoise
        As in `fit_planets`.
    device : str
        Device of torch that computes the joint fit, for example ``"cpu"``.

    Returns
    -------
    LightCurveFit
    """
    order = FitPlan(prior, settings or ExtractionSettings(), denoise, device)
    stored = [StoredBatch(number, 1, visit) for number, visit in enumerate(visits)]
    return fit_stored(stored, [VisitSummary.at(visit) for visit in visits], order)


@one_thread()
def fit_stored(
    visits: Sequence[StoredBatch[Visit]], summaries: Sequence[VisitSummary], order: FitPlan
) -> LightCurveFit:
    """Fit binned light curves batch by batch, from memory or from disk.

    Parameters
    ----------
    visits : sequence of StoredBatch
        Binned visits, in memory or on disk.
    summaries : sequence of VisitSummary
        Time grids and faults of the same visits.
    order : FitPlan
        Prior and settings of the fit.

    Returns
    -------
    LightCurveFit
    """
    prior, passes = order.prior, order.passes
    grouped = number_batches(
        [[(place, visits[place]) for place in part] for part in group_visits(summaries)]
    )
    started, results = passes.advance(partial(begin, prior), grouped, "white light")
    unfitted = {
        place: fallback(visits[place].fetch(), prior, summary.fault)
        for place, summary in enumerate(summaries)
        if summary.fault is not None
    }
    unfitted |= {place: single for one in results for place, single in one.unfitted.items()}
    _warn_unfitted(unfitted)
    good = [(batch, one) for batch, one in zip(started, results, strict=True) if one.planets]
    if not good:
        return LightCurveFit([], [], unfitted, None, order)
    batches, results = [batch for batch, _ in good], [one for _, one in good]
    taught = order.taught or LearnedPriors(
        _learn_drift([one.airs for one in results]), _learn_drift([one.fgs1 for one in results])
    )
    if order.settings.extractor == "white":
        _, spectra = passes.advance(partial(white_spectra, taught.airs, prior), batches, "spectra")
        unfitted |= {place: single for one in spectra for place, single in one.items()}
        return LightCurveFit([], [], unfitted, taught, order)
    joints, taught = _joint_fits(batches, taught, order)
    return LightCurveFit(joints, [one.planets for one in results], unfitted, taught, order)


def _warn_unfitted(unfitted: Mapping[int, UnfittedVisit]) -> None:
    for place in sorted(unfitted):
        single = unfitted[place]
        given = "the population's spectrum" if single.spectrum.fit is None else "white depth alone"
        log.warning("planet %s gets %s: %s", single.visit.planet_id, given, single.fault)


def _learn_drift(likelihoods: Sequence[DriftLikelihood]) -> DriftMixture:
    """Learn the prior of the drift from all planets of a run."""
    combined = DriftLikelihood(
        np.concatenate([likelihood.precision for likelihood in likelihoods]),
        np.concatenate([likelihood.information for likelihood in likelihoods]),
    )
    return default_drift().learn(combined)


def _joint_fits(
    batches: Sequence[StoredBatch[Batch]], taught: LearnedPriors, order: FitPlan
) -> tuple[list[StoredBatch[FittedBatch]], LearnedPriors]:
    """Run the joint fits, and learn the sizes of drifts and the windows from these planets."""
    passes, prior = order.passes, offered(order.prior, order.settings)
    drift = partial(join, taught.airs, taught.fgs1, order.denoise, order.device)
    joints, evidence = passes.advance(drift, batches, "joint fit")
    sizes = learn_weights(np.concatenate(evidence)) if taught.sizes is None else taught.sizes
    taught = replace(taught, sizes=sizes)
    joints, windows = passes.advance(partial(settle, sizes, prior), joints, "drift")
    if taught.population is None:
        taught = replace(taught, population=_learn_windows(windows))
    joints, _ = passes.advance(partial(finish, taught.population, prior), joints, "windows")
    return joints, taught


def _learn_windows(windows: Sequence[WindowResult | None]) -> Population | None:
    """Learn the population of the windows; None for an edition without a catalogue."""
    known = [one for one in windows if one is not None]
    if not known:
        return None
    combined = WindowLikelihood(
        np.concatenate([one.likelihood.precision for one in known]),
        np.concatenate([one.likelihood.information for one in known]),
    )
    return known[0].population.learn(combined, [star for one in known for star in one.stars])
