"""Light curves to spectra: white light, drift, joint fit, prior, one honest sigma."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from ariel_kit.core.config import ExtractionSettings
from ariel_kit.core.instruments import N_WAVELENGTHS
from ariel_kit.core.observation import Observation, Visit
from ariel_kit.core.runtime import one_thread
from ariel_kit.core.spectrum import Spectrum
from ariel_kit.light_curve.checks import find_fault, without_strays
from ariel_kit.light_curve.drift import (
    DriftLikelihood,
    DriftMixture,
    default_drift,
    learn_weights,
)
from ariel_kit.light_curve.population import WindowLikelihood
from ariel_kit.light_curve.stage import NO_FIT
from ariel_kit.light_curve.systematics import Denoiser
from ariel_kit.spectral_extraction.batch import Batch, start
from ariel_kit.spectral_extraction.conclude import (
    Answer,
    Members,
    conclude,
    make_spectrum,
    offered,
)
from ariel_kit.spectral_extraction.priors import SpectrumPrior
from ariel_kit.spectral_extraction.visits import FittedBatch

log = logging.getLogger(__name__)

MOVES, MOVES_AFTER_LEARNING = 1, 2
"""Linearisations about a better reference; where windows are learned, most come after it."""
WHITE_ALONE = "white depth alone"
"""Flag of a planet whose light no fit explains, though it shows a transit."""


@dataclass(frozen=True)
class LightCurveFit:
    """What a fit of light curves leaves behind.

    Attributes
    ----------
    spectra : list of Spectrum
        One per visit, in their order.
    joints : list of FittedBatch
        The joint fit of each batch of visits; empty where white light alone was fitted.
    settings : ExtractionSettings
    """

    spectra: list[Spectrum]
    joints: list[FittedBatch]
    settings: ExtractionSettings

    def under(self, prior: SpectrumPrior, planet_ids: Collection[int]) -> dict[int, Spectrum]:
        """Conclude some planets under another prior, without fitting their light curves again.

        The likelihood of the depths stays as it was linearised about the answers under the first
        prior, which moves an answer by less than a hundredth of its sigma.

        Parameters
        ----------
        prior : SpectrumPrior
        planet_ids : collection of int

        Returns
        -------
        dict of int to Spectrum
            By the place of the visit; those without a joint fit are left out.
        """
        members = [Members.of(fit, planet_ids) for fit in self.joints]
        with one_thread():
            return conclude([m for m in members if m.planets], prior, self.settings)


def fit_planets(
    observations: Sequence[Observation],
    *,
    prior: SpectrumPrior,
    settings: ExtractionSettings | None = None,
    denoise: Denoiser | None = None,
) -> list[Spectrum]:
    """Fit calibrated observations; the more planets at once, the better their priors.

    Parameters
    ----------
    observations : sequence of Observation
    prior : SpectrumPrior
        From `learn_prior` or `simulated_prior`.
    settings : ExtractionSettings, optional
    denoise : callable, optional
        Improves on the drift model of the joint fit, see `ariel_kit.denoising`.

    Returns
    -------
    list of Spectrum
        In the order of `observations`. A planet whose fit failed has the population's spectrum
        and None for its `fit`; its provenance says why.

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
    """Bin the light curves of observations, as `fit_light_curves` takes them.

    Parameters
    ----------
    observations : iterable of Observation
        Taken one at a time and not kept: a sequence on disk need not fit in memory.
    settings : ExtractionSettings

    Returns
    -------
    list of Visit
    """
    return [observation.visit(settings.bin_seconds) for observation in observations]


@one_thread()
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
    prior, settings, denoise
        As in `fit_planets`.
    device : str
        Where the joint fit is computed, as torch names it.

    Returns
    -------
    LightCurveFit
    """
    settings = settings or ExtractionSettings()
    faults = {i: fault for i, v in enumerate(visits) if (fault := find_fault(v.curves))}
    fine = [i for i in range(len(visits)) if i not in faults]
    steady = [v if i in faults else _without_strays(v) for i, v in enumerate(visits)]
    batches = start(steady, fine)
    faults |= {place: fault for batch in batches for place, fault in batch.faults().items()}
    plain = {i: one for batch in batches for i, one in _plain_spectra(batch, prior).items()}
    batches = [batch.without(faults) for batch in batches]
    batches = [batch for batch in batches if batch.places]
    joints: list[FittedBatch] = []
    if settings.extractor == "white":
        fitted = _white_spectra(batches, prior)
    else:
        joints = _joint_fits(batches, offered(prior, settings), denoise, device)
        fitted = conclude([Members.of(fit) for fit in joints], prior, settings)
    lost = {i: _fallback(visits[i], prior, f) for i, f in faults.items() if i not in plain}
    spectra = fitted | plain | lost
    noted = [_note_denoiser(spectra[i], denoise) for i in range(len(visits))]
    return LightCurveFit(noted, joints, settings)


def _without_strays(visit: Visit) -> Visit:
    return replace(visit, airs=without_strays(visit.airs), fgs1=without_strays(visit.fgs1))


def _fallback(visit: Visit, prior: SpectrumPrior, fault: str) -> Spectrum:
    log.warning("planet %s gets the population's spectrum: %s", visit.planet_id, fault)
    spectrum = prior.fallback(visit.planet_id, fault)
    return replace(spectrum, provenance={**visit.provenance, **spectrum.provenance})


def _plain_spectra(batch: Batch, prior: SpectrumPrior) -> dict[int, Spectrum]:
    """Give white depth alone, with a wide sigma, to visits whose transit shows through a fault."""
    facts, spectra, faults = batch.facts(batch.white.window), {}, batch.faults()
    for place, (depth, sigma) in batch.plain_depths().items():
        row = batch.places.index(place)
        visit, fault = batch.visits[row], faults[place]
        log.warning("planet %s gets white depth alone: %s", visit.planet_id, fault)
        answer = Answer(
            np.full(N_WAVELENGTHS, depth),
            np.full(N_WAVELENGTHS, np.hypot(sigma, prior.spread)),
            replace(facts[row], visits=1, flags=(*facts[row].flags, WHITE_ALONE)),
        )
        spectra[place] = make_spectrum(visit, batch.white_light(row), answer)
    return spectra


def _note_denoiser(spectrum: Spectrum, denoise: Denoiser | None) -> Spectrum:
    """Note whether the hook of the fit was used for this visit."""
    if denoise is None:
        return spectrum
    used = spectrum.fit is not None and spectrum.covariance is not None
    note = {"status": "complete"} if used else NO_FIT
    return replace(spectrum, provenance={**spectrum.provenance, "denoise": note})


def _learn_drift(likelihoods: Sequence[DriftLikelihood]) -> DriftMixture:
    """Learn one drift prior from all planets of a run."""
    together = DriftLikelihood(
        np.concatenate([likelihood.precision for likelihood in likelihoods]),
        np.concatenate([likelihood.information for likelihood in likelihoods]),
    )
    return default_drift().learn(together)


def _white_spectra(batches: Sequence[Batch], prior: SpectrumPrior) -> dict[int, Spectrum]:
    """Give the plain baseline: the white depth at every wavelength, one sigma."""
    if not batches:
        return {}
    drift = _learn_drift([batch.white.drift_likelihood for batch in batches])
    spectra = {}
    for batch in batches:
        batch.refit_white(drift)
        sigma = np.hypot(np.hypot(batch.white.sigma[:, -1], prior.spread), batch.doubt)
        facts = batch.facts(batch.white.window)
        for row, place in enumerate(batch.places):
            mean = np.full(N_WAVELENGTHS, batch.white.depth[row])
            answer = Answer(mean, np.full(N_WAVELENGTHS, sigma[row]), facts[row])
            spectra[place] = make_spectrum(batch.visits[row], batch.white_light(row), answer)
    return spectra


def _joint_fits(
    batches: Sequence[Batch], prior: SpectrumPrior, denoise: Denoiser | None, device: str
) -> list[FittedBatch]:
    """Fit jointly; drifts and windows are learned on from the planets themselves."""
    if not batches:
        return []
    airs = _learn_drift([batch.white.drift_likelihood for batch in batches])
    fgs1 = _learn_drift([batch.fgs1_drift for batch in batches])
    fits = []
    for batch in batches:
        batch.refit_white(airs)
        fits.append(FittedBatch.of(batch, batch.joint_fit(airs, fgs1, device), denoise))
    _learn_sizes(fits)
    for fit in fits:
        fit.converge(prior, MOVES)
    _learn_windows(fits, prior)
    for fit in fits:
        fit.widen()
    return fits


def _learn_sizes(fits: Sequence[FittedBatch]) -> None:
    """Learn how large the drifts of a run are."""
    evidence = torch.cat([fit.linearised.drift.log_evidence for fit in fits])
    weights = learn_weights(evidence.cpu().numpy())
    for fit in fits:
        fit.expect_sizes(weights)


def _learn_windows(fits: Sequence[FittedBatch], prior: SpectrumPrior) -> None:
    """Learn what the windows of a run have in common, and fit again under that belief."""
    learners = [fit for fit in fits if fit.batch.population.catalogue]
    if not learners:
        return
    told = [fit.window_likelihood() for fit in learners]
    together = WindowLikelihood(
        np.concatenate([one.precision for one in told]),
        np.concatenate([one.information for one in told]),
    )
    stars = [visit.star_info for fit in learners for visit in fit.batch.visits]
    population = learners[0].batch.population.learn(together, stars)
    for fit in learners:
        fit.believe(population)
        fit.converge(prior, MOVES_AFTER_LEARNING)
