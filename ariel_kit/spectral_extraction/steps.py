"""Steps of the fit of a batch of visits, from white light to the joint fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ariel_kit.core.instruments import N_WAVELENGTHS
from ariel_kit.core.observation import Visit
from ariel_kit.core.passes import StoredBatch
from ariel_kit.core.spectrum import Spectrum
from ariel_kit.core.star_info import StarInfo
from ariel_kit.light_curve.checks import without_strays
from ariel_kit.light_curve.drift import DriftLikelihood, DriftMixture, default_drift
from ariel_kit.light_curve.population import Population, WindowLikelihood
from ariel_kit.light_curve.systematics import Denoiser
from ariel_kit.spectral_extraction.batch import Batch
from ariel_kit.spectral_extraction.conclude import Answer, make_spectrum
from ariel_kit.spectral_extraction.priors import SpectrumPrior
from ariel_kit.spectral_extraction.visits import FittedBatch

MOVES, MOVES_AFTER_LEARNING = 1, 2
"""Number of further linearisations before and after the population of windows is learned."""
WHITE_ALONE = "white depth alone"
"""Flag of a planet that shows a transit, but whose light curve no fit explains."""


@dataclass(frozen=True)
class UnfittedVisit:
    """A visit whose spectrum is computed without a joint fit.

    Attributes
    ----------
    visit : Visit
    spectrum : Spectrum
    fault : str, optional
        Why there is no joint fit; None if the settings ask for white light only.
    """

    visit: Visit
    spectrum: Spectrum
    fault: str | None = None


@dataclass(frozen=True)
class WhiteLightResult:
    """Result of the white-light fit of a batch.

    Attributes
    ----------
    unfitted : dict of int to UnfittedVisit
        Visits that are not fitted further, by the index of the visit.
    planets : frozenset of int
        Planets that are fitted further.
    airs, fgs1 : DriftLikelihood
        Likelihoods of the drifts of their visits.
    """

    unfitted: dict[int, UnfittedVisit]
    planets: frozenset[int]
    airs: DriftLikelihood
    fgs1: DriftLikelihood


@dataclass(frozen=True)
class WindowResult:
    """Likelihood of the windows of a batch.

    Attributes
    ----------
    population : Population
        Population of the windows before learning.
    likelihood : WindowLikelihood
        Likelihood of the window of each visit.
    stars : list of StarInfo or None
        Catalogue entry of each visit's planet.
    """

    population: Population
    likelihood: WindowLikelihood
    stars: list[StarInfo | None]


def begin(
    prior: SpectrumPrior, visits: Sequence[tuple[int, StoredBatch[Visit]]]
) -> tuple[Batch, WhiteLightResult]:
    """Fit the white light of visits on common time grids.

    Visits whose fit failed are left out of the batch, so that nothing is learned from them.

    Parameters
    ----------
    prior : SpectrumPrior
        Prior of the spectra, for failed visits.
    visits : sequence of (int, StoredBatch)
        Index and light curves of each visit.
    """
    cleaned = [_without_strays(stored.fetch()) for _, stored in visits]
    batch = Batch.of([place for place, _ in visits], cleaned, default_drift())
    failed = _unfitted_visits(batch, prior)
    good = batch.without(failed)
    planets = frozenset(visit.planet_id for visit in good.visits)
    return good, WhiteLightResult(failed, planets, good.white.drift_likelihood, good.fgs1_drift)


def _without_strays(visit: Visit) -> Visit:
    return replace(visit, airs=without_strays(visit.airs), fgs1=without_strays(visit.fgs1))


def _unfitted_visits(batch: Batch, prior: SpectrumPrior) -> dict[int, UnfittedVisit]:
    """Build spectra of failed visits: flat where a transit is seen, else that of the population."""
    facts, plain, failed = batch.facts(batch.white.window), batch.plain_depths(), {}
    for place, fault in batch.faults().items():
        row = batch.places.index(place)
        visit = batch.visits[row]
        if place not in plain:
            failed[place] = fallback(visit, prior, fault)
            continue
        depth, sigma = plain[place]
        answer = Answer(
            np.full(N_WAVELENGTHS, depth),
            np.full(N_WAVELENGTHS, np.hypot(sigma, prior.spread)),
            replace(facts[row], visits=1, flags=(*facts[row].flags, WHITE_ALONE)),
        )
        failed[place] = UnfittedVisit(
            visit, make_spectrum(visit, batch.white_light(row), answer), fault
        )
    return failed


def fallback(visit: Visit, prior: SpectrumPrior, fault: str) -> UnfittedVisit:
    """Build the spectrum of a failed visit from the population."""
    spectrum = prior.fallback(visit.planet_id, fault)
    provenance = {**visit.provenance, **spectrum.provenance}
    return UnfittedVisit(visit, replace(spectrum, provenance=provenance), fault)


def white_spectra(
    airs: DriftMixture, prior: SpectrumPrior, batch: Batch
) -> tuple[Batch, dict[int, UnfittedVisit]]:
    """Build flat spectra, with the white depth and one sigma at every wavelength."""
    batch.refit_white(airs)
    sigma = np.hypot(np.hypot(batch.white.sigma[:, -1], prior.spread), batch.doubt)
    facts, failed = batch.facts(batch.white.window), {}
    for row, place in enumerate(batch.places):
        mean = np.full(N_WAVELENGTHS, batch.white.depth[row])
        answer = Answer(mean, np.full(N_WAVELENGTHS, sigma[row]), facts[row])
        visit = batch.visits[row]
        failed[place] = UnfittedVisit(visit, make_spectrum(visit, batch.white_light(row), answer))
    return batch, failed


def join(
    airs: DriftMixture, fgs1: DriftMixture, denoise: Denoiser | None, device: str, batch: Batch
) -> tuple[FittedBatch, np.ndarray]:
    """Set up the joint fit under the drift priors of the run, and compute the evidence of sizes."""
    batch.refit_white(airs)
    fit = FittedBatch.of(batch, batch.joint_fit(airs, fgs1, device), denoise)
    return fit, fit.linearised.drift.log_evidence.cpu().numpy()


def settle(
    sizes: np.ndarray, prior: SpectrumPrior, fit: FittedBatch
) -> tuple[FittedBatch, WindowResult | None]:
    """Fit under the drift sizes of the run, and compute the likelihood of the windows."""
    fit.expect_sizes(sizes)
    fit.converge(prior, MOVES)
    if not fit.batch.population.catalogue:
        return fit, None
    stars = [visit.star_info for visit in fit.batch.visits]
    return fit, WindowResult(fit.batch.population, fit.window_likelihood(), stars)


def finish(
    population: Population | None, prior: SpectrumPrior, fit: FittedBatch
) -> tuple[FittedBatch, None]:
    """Fit again under the population of the windows, and widen the noise where the fit is poor."""
    if population is not None and fit.batch.population.catalogue:
        fit.believe(population)
        fit.converge(prior, MOVES_AFTER_LEARNING)
    fit.widen()
    return fit, None
