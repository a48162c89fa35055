"""The steps of a batch of visits from light curves to one posterior for each planet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ariel_kit.core.instruments import N_WAVELENGTHS
from ariel_kit.core.observation import Visit
from ariel_kit.core.passes import Parked
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
"""Linearisations about a better reference; where windows are learned, most come after it."""
WHITE_ALONE = "white depth alone"
"""Flag of a planet whose light no fit explains, though it shows a transit."""


@dataclass(frozen=True)
class Single:
    """A visit that gets a spectrum without a joint fit.

    Attributes
    ----------
    visit : Visit
    spectrum : Spectrum
    fault : str, optional
        Why; None where white light alone was asked for.
    """

    visit: Visit
    spectrum: Spectrum
    fault: str | None = None


@dataclass(frozen=True)
class Begun:
    """What white light tells of a batch.

    Attributes
    ----------
    singles : dict of int to Single
        Visits that are not fitted further, by place.
    planets : frozenset of int
        Those that are.
    airs, fgs1 : DriftLikelihood
        Of the drifts of their visits.
    """

    singles: dict[int, Single]
    planets: frozenset[int]
    airs: DriftLikelihood
    fgs1: DriftLikelihood


@dataclass(frozen=True)
class Windows:
    """What a batch tells of the windows of its planets.

    Attributes
    ----------
    population : Population
        What was believed of them.
    likelihood : WindowLikelihood
    stars : list of StarInfo or None
    """

    population: Population
    likelihood: WindowLikelihood
    stars: list[StarInfo | None]


def begin(prior: SpectrumPrior, visits: Sequence[tuple[int, Parked[Visit]]]) -> tuple[Batch, Begun]:
    """Fit the white light of visits on common grids, each with its place.

    A broken visit must not teach the others: it is left out of what follows.
    """
    seen = [_without_strays(parked.fetch()) for _, parked in visits]
    batch = Batch.of([place for place, _ in visits], seen, default_drift())
    singles = _singles(batch, prior)
    good = batch.without(singles)
    planets = frozenset(visit.planet_id for visit in good.visits)
    return good, Begun(singles, planets, good.white.drift_likelihood, good.fgs1_drift)


def _without_strays(visit: Visit) -> Visit:
    return replace(visit, airs=without_strays(visit.airs), fgs1=without_strays(visit.fgs1))


def _singles(batch: Batch, prior: SpectrumPrior) -> dict[int, Single]:
    """Give visits with a fault white depth alone, where a transit shows all the same."""
    facts, plain, found = batch.facts(batch.white.window), batch.plain_depths(), {}
    for place, fault in batch.faults().items():
        row = batch.places.index(place)
        visit = batch.visits[row]
        if place not in plain:
            found[place] = fallback(visit, prior, fault)
            continue
        depth, sigma = plain[place]
        answer = Answer(
            np.full(N_WAVELENGTHS, depth),
            np.full(N_WAVELENGTHS, np.hypot(sigma, prior.spread)),
            replace(facts[row], visits=1, flags=(*facts[row].flags, WHITE_ALONE)),
        )
        found[place] = Single(visit, make_spectrum(visit, batch.white_light(row), answer), fault)
    return found


def fallback(visit: Visit, prior: SpectrumPrior, fault: str) -> Single:
    """Give a visit the population's spectrum."""
    spectrum = prior.fallback(visit.planet_id, fault)
    told = {**visit.provenance, **spectrum.provenance}
    return Single(visit, replace(spectrum, provenance=told), fault)


def white_spectra(
    airs: DriftMixture, prior: SpectrumPrior, batch: Batch
) -> tuple[Batch, dict[int, Single]]:
    """Give the plain baseline: the white depth at every wavelength, one sigma."""
    batch.refit_white(airs)
    sigma = np.hypot(np.hypot(batch.white.sigma[:, -1], prior.spread), batch.doubt)
    facts, found = batch.facts(batch.white.window), {}
    for row, place in enumerate(batch.places):
        mean = np.full(N_WAVELENGTHS, batch.white.depth[row])
        answer = Answer(mean, np.full(N_WAVELENGTHS, sigma[row]), facts[row])
        visit = batch.visits[row]
        found[place] = Single(visit, make_spectrum(visit, batch.white_light(row), answer))
    return batch, found


def join(
    airs: DriftMixture, fgs1: DriftMixture, denoise: Denoiser | None, device: str, batch: Batch
) -> tuple[FittedBatch, np.ndarray]:
    """Set up the joint fit under the drifts of the run; tell the evidence of their sizes."""
    batch.refit_white(airs)
    fit = FittedBatch.of(batch, batch.joint_fit(airs, fgs1, device), denoise)
    return fit, fit.linearised.drift.log_evidence.cpu().numpy()


def settle(
    sizes: np.ndarray, prior: SpectrumPrior, fit: FittedBatch
) -> tuple[FittedBatch, Windows | None]:
    """Fit under the sizes of the run's drifts; tell of the windows that are learned on."""
    fit.expect_sizes(sizes)
    fit.converge(prior, MOVES)
    if not fit.batch.population.catalogue:
        return fit, None
    stars = [visit.star_info for visit in fit.batch.visits]
    return fit, Windows(fit.batch.population, fit.window_likelihood(), stars)


def finish(
    population: Population | None, prior: SpectrumPrior, fit: FittedBatch
) -> tuple[FittedBatch, None]:
    """Fit again under what the windows of the run have in common; own up to a misfit."""
    if population is not None and fit.batch.population.catalogue:
        fit.believe(population)
        fit.converge(prior, MOVES_AFTER_LEARNING)
    fit.widen()
    return fit, None
