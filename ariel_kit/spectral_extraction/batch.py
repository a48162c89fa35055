"""Planets that are fitted together: those whose light curves share their time grids."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass

import numpy as np

from ariel_kit.core.observation import Curves, LightCurves
from ariel_kit.core.spectrum import FitFacts, WhiteLightCurve
from ariel_kit.light_curve.checks import summed
from ariel_kit.light_curve.drift import (
    DriftLikelihood,
    DriftMixture,
    DriftPrior,
    default_drift,
    time_basis,
)
from ariel_kit.light_curve.white_light import WhiteLight, drift_likelihood_at, fit_white_light
from ariel_kit.spectral_extraction.joint_fit import JointFit

BATCH = 32
"""Planets solved at once: a few hundred MB, and enough to keep two cores busy."""
USUAL_RESIDUAL = 1.3
"""White-light residual above which the model misses something: sigma then grows with it."""
LARGEST_RESIDUAL = 5.0
"""White-light residual, in units of the noise, above which a fit has not found the transit."""


@dataclass
class Batch:
    """Planets on common time grids, from white light to depths."""

    places: list[int]
    airs: list[LightCurves]
    fgs1: list[LightCurves]
    white: WhiteLight
    fgs1_drift: DriftLikelihood
    limb_darkening: tuple[float, float]

    @classmethod
    def of(
        cls,
        places: list[int],
        curves: Sequence[Curves],
        drift: DriftMixture,
        limb_darkening: tuple[float, float],
    ) -> Batch:
        """Fit the white light of the planets at some places of `curves`."""
        airs, fgs1 = ([curves[i][which] for i in places] for which in (0, 1))
        white = fit_white_light(*summed(airs), drift.covariance, limb_darkening=limb_darkening)
        fgs1_drift = drift_likelihood_at(
            white, *summed(fgs1), drift.covariance, limb_darkening=limb_darkening
        )
        return cls(places, airs, fgs1, white, fgs1_drift, limb_darkening)

    def refit_white(self, drift: DriftMixture) -> None:
        """White light again, each planet with its own drift prior."""
        covariances = drift.planet_covariances(self.white.drift_likelihood)
        self.white = fit_white_light(
            *summed(self.airs), covariances, limb_darkening=self.limb_darkening
        )

    def joint_fit(self, airs: DriftMixture, fgs1: DriftMixture, device: str) -> JointFit:
        """Set up the joint fit under the drift priors that the whole set of planets taught."""
        prior = DriftPrior(
            fgs1=fgs1.planet_covariances(self.fgs1_drift),
            grey=airs.planet_covariances(self.white.drift_likelihood),
        )
        return JointFit(
            self.airs,
            self.fgs1,
            self.white,
            prior,
            limb_darkening=self.limb_darkening,
            device=device,
        )

    def residual(self, row: int) -> float:
        """Rms of the white-light residual in units of the noise."""
        return float(np.sqrt(np.mean(self.white.residual[row] ** 2)))

    def misfit(self) -> np.ndarray:
        """What the noise has to be multiplied by to explain the white-light residual."""
        residual = np.array([self.residual(row) for row in range(len(self.places))])
        return np.where(residual > USUAL_RESIDUAL, residual, 1.0)

    def faults(self) -> dict[int, str]:
        """Planets whose transit was not found, by place, and why."""
        found = {}
        for row, place in enumerate(self.places):
            if not np.isfinite(self.white.sigma[row]).all():
                found[place] = "the white-light fit did not converge"
            elif self.residual(row) > LARGEST_RESIDUAL:
                found[place] = (
                    f"the white-light residual is {self.residual(row):.1f} times the noise"
                )
        return found

    def without(self, places: Container[int]) -> Batch:
        """The batch less some planets: a broken one must not teach the others."""
        rows = [row for row, place in enumerate(self.places) if place not in places]
        return Batch(
            places=[self.places[row] for row in rows],
            airs=[self.airs[row] for row in rows],
            fgs1=[self.fgs1[row] for row in rows],
            white=self.white.take(rows),
            fgs1_drift=self.fgs1_drift.take(rows),
            limb_darkening=self.limb_darkening,
        )

    def facts(self, row: int) -> FitFacts:
        """Say what white light tells of one planet."""
        mid_time, half_duration, ingress_ratio = self.white.shape[row].tolist()
        return FitFacts(
            mid_time=mid_time,
            half_duration=half_duration,
            ingress_ratio=ingress_ratio,
            limb_darkening=self.limb_darkening,
            white_depth=float(self.white.depth[row]),
            white_sigma=float(self.white.sigma[row, -1]),
            white_residual=self.residual(row),
        )

    def white_light(self, row: int) -> WhiteLightCurve:
        """Give the white light of one planet beside its fit."""
        time, span, flux, noise = summed([self.airs[row]])
        drift = np.exp(time_basis(time, self.white.drift.shape[1]) @ self.white.drift[row])
        return WhiteLightCurve(time, span, flux[0], noise[0], drift, self.white.model[row])


def start(
    curves: Sequence[Curves], places: Sequence[int], limb_darkening: tuple[float, float]
) -> list[Batch]:
    """Group planets by time grid and fit their white light."""
    groups: dict[tuple[bytes, ...], list[int]] = {}
    for i in places:
        grid = tuple(a.tobytes() for curve in curves[i] for a in (curve.time, curve.span))
        groups.setdefault(grid, []).append(i)
    drift = default_drift()
    return [
        Batch.of(group[first : first + BATCH], curves, drift, limb_darkening)
        for group in groups.values()
        for first in range(0, len(group), BATCH)
    ]
