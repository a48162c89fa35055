"""Batches of visits that are fitted together because their light curves share time grids."""

from __future__ import annotations

import hashlib
from collections.abc import Container, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ariel_kit.core.observation import Visit
from ariel_kit.core.spectrum import FitFacts, WhiteLightCurve
from ariel_kit.light_curve.checks import find_fault, name_gaps, rms_without_transit, summed
from ariel_kit.light_curve.drift import (
    DriftLikelihood,
    DriftMixture,
    DriftPrior,
    time_basis,
)
from ariel_kit.light_curve.grazing import explore_grazing
from ariel_kit.light_curve.population import Population, WindowPrior, population_of
from ariel_kit.light_curve.red_noise import red_noise_factor
from ariel_kit.light_curve.simpler import LARGEST_RESIDUAL, hold_limb_darkening, simplify
from ariel_kit.light_curve.untried import doubt, untried
from ariel_kit.light_curve.white_light import (
    USUAL_RESIDUAL,
    WhiteLight,
    drift_likelihood_at,
    fit_white_light,
    refit_white_light,
)
from ariel_kit.light_curve.window import describe
from ariel_kit.spectral_extraction.joint_fit import JointFit

BATCH = 32
"""Largest number of visits in a batch: a few hundred MB, enough to keep two cores busy."""
PLAIN_WIDENING = 3.0
"""Factor of the sigma of a white depth whose light curve no fit explains, over that of white noise
of the size of the residual. Errors that last as long as a transit do not average out."""
RED_WIDENING = 2.0
"""Factor of the sigma that red noise adds to the level, over the estimate from residuals. The part
of the noise that the fit attributes to the depth is missing in the residuals."""
PLAIN_CERTAIN, PLAIN_SHARE = 5.0, 1.4
"""Least signal-to-noise of such a white depth, and least ratio of the residual without a transit to
that with one, for the transit to count as detected."""


@dataclass
class Batch:
    """Visits on common time grids, with their white-light fits.

    Attributes
    ----------
    places : list of int
        Indices of the visits among all that are fitted.
    visits : list of Visit
    population : Population
        Starting population of their windows.
    white : WhiteLight
        White-light fits of AIRS.
    held : ndarray [shape=(visit,), dtype=bool]
        Whether the limb darkening of each visit is fixed at the prior's mean.
    spread : ndarray [shape=(visit,), dtype=float64]
        Standard deviation of the white depth of grazing planets; zero for the others.
    fgs1_drift : DriftLikelihood
        Likelihood of the drift of FGS1.
    """

    places: list[int]
    visits: list[Visit]
    population: Population
    white: WhiteLight
    held: np.ndarray
    spread: np.ndarray
    fgs1_drift: DriftLikelihood

    @classmethod
    def of(cls, places: list[int], visits: list[Visit], drift: DriftMixture) -> Batch:
        """Fit the white light of visits on common grids."""
        population = population_of(visits[0].edition)
        stars = [visit.star_info for visit in visits]
        light = summed([visit.airs for visit in visits])
        white = fit_white_light(light, drift.covariance, population, stars)
        white, held = simplify(white, light, drift.covariance)
        white, spread = explore_grazing(white, light, drift.covariance)
        fgs1 = summed([visit.fgs1 for visit in visits])
        fgs1_drift = drift_likelihood_at(white, fgs1, drift.covariance)
        return cls(places, visits, population, white, held, spread, fgs1_drift)

    @property
    def owners(self) -> list[int]:
        """Index of the planet of each visit, from 0 in the order of first appearance."""
        numbers: dict[int, int] = {}
        return [numbers.setdefault(visit.planet_id, len(numbers)) for visit in self.visits]

    @property
    def freest(self) -> list[int]:
        """Index of one visit of each planet, if possible one whose limb darkening is not fixed."""
        order = np.argsort(self.held, kind="stable")
        owners = np.array(self.owners)[order]
        return [int(order[np.argmax(owners == planet)]) for planet in range(max(owners) + 1)]

    def refit_white(self, drift: DriftMixture) -> None:
        """Fit white light again, with a prior of the drift for each visit.

        Parameters
        ----------
        drift : DriftMixture
            Prior of the drift that was learned from the run.
        """
        covariances = drift.planet_covariances(self.white.drift_likelihood)
        light = summed([visit.airs for visit in self.visits])
        self.white = refit_white_light(self.white, light, covariances)

    def joint_fit(self, airs: DriftMixture, fgs1: DriftMixture, device: str) -> JointFit:
        """Set up the joint fit under the priors of the drift that were learned from the run.

        Parameters
        ----------
        airs, fgs1 : DriftMixture
            Priors of the drift in time of the two instruments.
        device : str
            Device of torch.
        """
        prior = DriftPrior(
            fgs1=fgs1.planet_covariances(self.fgs1_drift),
            grey=airs.planet_covariances(self.white.drift_likelihood),
        )
        return JointFit(
            [visit.airs for visit in self.visits],
            [visit.fgs1 for visit in self.visits],
            self.white,
            prior,
            device=device,
        )

    @property
    def misfit(self) -> np.ndarray:
        """Factor of the noise that explains the white-light residual [shape=(visit,)]."""
        return np.where(self.white.rms > USUAL_RESIDUAL, self.white.rms, 1.0)

    @property
    def red_noise(self) -> np.ndarray:
        """Red-noise factor beta of each white-light residual [shape=(visit,)]."""
        return red_noise_factor(self.white.residual, float(np.mean(self.visits[0].airs.span)))

    @property
    def level_spread(self) -> np.ndarray:
        """Standard deviation that grazing and red noise add to each level [shape=(visit,)]."""
        red = RED_WIDENING * self.white.sigma[:, -1] * np.sqrt(self.red_noise**2 - 1)
        return np.hypot(self.spread, red)

    def faults(self) -> dict[int, str]:
        """Describe why the white-light fits of some visits failed, by the index of the visit."""
        faults = {}
        for place, sigma, residual in zip(
            self.places, self.white.sigma, self.white.rms, strict=True
        ):
            if not np.isfinite(sigma).all():
                faults[place] = "the white-light fit did not converge"
            elif residual > LARGEST_RESIDUAL:
                faults[place] = f"the white-light residual is {residual:.1f} times the noise"
        return faults

    def plain_depths(self) -> dict[int, tuple[float, float]]:
        """Compute white depth and sigma of failed visits that still show a transit, by index."""
        depths = {}
        for place in self.faults():
            row = self.places.index(place)
            depth, residual = float(self.white.depth[row]), float(self.white.rms[row])
            sigma = PLAIN_WIDENING * residual * float(self.white.sigma[row, -1])
            (without,) = rms_without_transit(summed([self.visits[row].airs]))
            if depth > PLAIN_CERTAIN * sigma and without > PLAIN_SHARE * residual:
                depths[place] = depth, sigma
        return depths

    @property
    def _untried(self) -> list[tuple[str, ...]]:
        """Flags of visits outside the validated range of the fit."""
        light = summed([visit.airs for visit in self.visits])
        return untried(self.white, light, catalogue=self.population.catalogue)

    @property
    def doubt(self) -> np.ndarray:
        """Sigma that these flags add to each level [shape=(visit,), dtype=float64]."""
        return doubt(self._untried, self.white.depth)

    def believe(self, population: Population) -> WindowPrior:
        """Compute the prior of the windows under a population; fixed limb darkening stays fixed."""
        prior = population.prior([visit.star_info for visit in self.visits])
        return hold_limb_darkening(prior, self.held)

    def without(self, places: Container[int]) -> Batch:
        """Return the batch without some visits, so that nothing is learned from failed ones."""
        rows = [row for row, place in enumerate(self.places) if place not in places]
        return replace(
            self,
            places=[self.places[row] for row in rows],
            visits=[self.visits[row] for row in rows],
            white=self.white.take(rows),
            held=self.held[rows],
            spread=self.spread[rows],
            fgs1_drift=self.fgs1_drift.take(rows),
        )

    def facts(self, window: np.ndarray) -> list[FitFacts]:
        """Collect the facts of the fit of each visit.

        Parameters
        ----------
        window : ndarray [shape=(visit, coordinate)]
            Final windows.
        """
        shapes = describe(window, self.white.prior.orbit)
        untried_flags = self._untried
        return [
            FitFacts(
                **shape,
                white_depth=float(self.white.depth[row]),
                white_sigma=float(self.white.sigma[row, -1]),
                white_residual=float(self.white.rms[row]),
                visits=self.owners.count(self.owners[row]),
                clipped=sum(curve.clipped for curve in self.visits[row].curves),
                flags=(*self._flags(row, shape["impact"]), *untried_flags[row]),
            )
            for row, shape in enumerate(shapes)
        ]

    def _flags(self, row: int, impact: float) -> tuple[str, ...]:
        flags = [*self.visits[row].flags, *name_gaps(self.visits[row].curves)]
        if impact > 1 - np.sqrt(self.white.depth[row]):
            flags.append("grazing")
        if self.population.catalogue and self.visits[row].star_info is None:
            flags.append("no catalogue entry")
        if self.white.rms[row] > USUAL_RESIDUAL:
            flags.append("white light is not explained")
        if self.red_noise[row] > 1:
            flags.append("red noise in white light")
        if self.held[row]:
            flags.append("limb darkening is held")
        return tuple(flags)

    def white_light(self, row: int) -> WhiteLightCurve:
        """Return the white light curve of one visit and its fit."""
        light = summed([self.visits[row].airs])
        drift = np.exp(time_basis(light.time, self.white.drift.shape[1]) @ self.white.drift[row])
        model = self.white.model[row]
        return WhiteLightCurve(light.time, light.span, light.flux[0], light.noise[0], drift, model)


@dataclass(frozen=True)
class VisitSummary:
    """Properties of a visit that decide how it is fitted.

    Attributes
    ----------
    planet_id : int
    grid : tuple
        Edition and time grids; visits that share them are fitted together.
    fault : str, optional
        Why its light curves cannot be fitted; None if they can.
    """

    planet_id: int
    grid: tuple[object, ...]
    fault: str | None

    @classmethod
    def at(cls, visit: Visit) -> VisitSummary:
        """Collect the properties of a visit."""
        grid = [a.tobytes() for curve in visit.curves for a in (curve.time, curve.span)]
        key = hashlib.sha256(b"".join(grid)).hexdigest()
        return cls(visit.planet_id, (visit.edition, key), find_fault(visit.curves))


def group_visits(summaries: Sequence[VisitSummary]) -> list[list[int]]:
    """Distribute the indices of visits without a fault over batches, by edition and time grid.

    The visits of a planet stay together, because they have one posterior.
    """
    groups: dict[tuple[object, ...], dict[int, list[int]]] = {}
    for place, glance in enumerate(summaries):
        if glance.fault is None:
            group = groups.setdefault(glance.grid, {})
            group.setdefault(glance.planet_id, []).append(place)
    return [part for group in groups.values() for part in split_into_batches(list(group.values()))]


def split_into_batches(planets: Sequence[list[int]]) -> list[list[int]]:
    """Distribute planets, as lists of their visits, over parts of at most `BATCH` visits."""
    parts: list[list[int]] = []
    for own in planets:
        if not parts or len(parts[-1]) + len(own) > BATCH:
            parts.append([])
        parts[-1] += own
    return parts
