"""Light curves to spectra: white light, drift, joint fit, prior, one honest sigma."""

from __future__ import annotations

import logging
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch

from ariel_kit.core.config import ExtractionSettings
from ariel_kit.core.errors import ShapeError
from ariel_kit.core.instruments import N_WAVELENGTHS, wavelengths
from ariel_kit.core.observation import Curves, LightCurves, Observation
from ariel_kit.core.spectrum import Spectrum
from ariel_kit.light_curve.checks import find_fault, summed
from ariel_kit.light_curve.drift import DriftLikelihood, DriftMixture, DriftPrior, default_drift
from ariel_kit.light_curve.limb_darkening import with_limb_darkening
from ariel_kit.light_curve.systematics import Denoiser
from ariel_kit.light_curve.white_light import WhiteLight, drift_likelihood_at, fit_white_light
from ariel_kit.spectral_extraction.joint_fit import DepthLikelihood, JointFit, Linearised
from ariel_kit.spectral_extraction.model_error import MODEL_ERROR
from ariel_kit.spectral_extraction.priors import SpectrumPrior, refine_prior

log = logging.getLogger(__name__)

BATCH = 32
"""Planets solved at once: a few hundred MB, and enough to keep two cores busy."""
LINEARISATIONS = 2
EM_ROUNDS = 2
SHAPE_STRENGTH = 30.0
"""Planets' worth of belief in the shapes of the round before."""
USUAL_RESIDUAL = 1.3
"""White-light residual above which the model misses something: sigma then grows with it."""
LARGEST_RESIDUAL = 5.0
"""White-light residual, in units of the noise, above which a fit has not found the transit."""


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
        and ``provenance["fit"]["status"] == "fallback"``.

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
    ids, curves, settings = bin_planets(observations, settings or ExtractionSettings())
    return fit_light_curves(ids, curves, prior=prior, settings=settings, denoise=denoise)


def bin_planets(
    observations: Iterable[Observation], settings: ExtractionSettings
) -> tuple[list[int], list[Curves], ExtractionSettings]:
    """What `fit_light_curves` takes: ids, binned light curves, and settings with limb darkening.

    Parameters
    ----------
    observations : iterable of Observation
        Taken one at a time and not kept: a sequence on disk need not fit in memory.
    settings : ExtractionSettings
    """
    ids, curves, editions = [], [], set()
    for observation in observations:
        ids.append(observation.planet_id)
        editions.add(observation.edition)
        curves.append(observation.binned(settings.bin_seconds))
    return ids, curves, with_limb_darkening(settings, curves, editions)


def fit_light_curves(
    planet_ids: Sequence[int],
    curves: Sequence[Curves],
    *,
    prior: SpectrumPrior,
    settings: ExtractionSettings | None = None,
    denoise: Denoiser | None = None,
) -> list[Spectrum]:
    """Fit binned light curves, AIRS (time, 282) and FGS1 (time, 1); see `fit_planets`.

    They do not tell their edition: unless the settings give limb darkening, there is none.
    """
    if len(planet_ids) != len(curves):
        raise ShapeError(
            f"planet_ids and curves must pair up; got {len(planet_ids)} and {len(curves)}."
        )
    settings = settings or ExtractionSettings()
    faults = {i: fault for i, planet in enumerate(curves) if (fault := find_fault(planet))}
    fine = [i for i in range(len(curves)) if i not in faults]
    batches = _start(curves, fine, settings.limb_darkening or (0.0, 0.0))
    faults |= {place: fault for batch in batches for place, fault in batch.faults().items()}
    batches = [batch.without(faults) for batch in batches]
    batches = [batch for batch in batches if batch.places]
    joint = partial(_joint_spectra, denoise=denoise)
    solve = _white_spectra if settings.extractor == "white" else joint
    spectra: dict[int, Spectrum] = {}
    for batch, fits in zip(batches, solve(batches, prior, settings), strict=True):
        for row, (i, answer) in enumerate(zip(batch.places, fits, strict=True)):
            mean, sigma, covariance, facts = answer
            provenance = {"fit": {"status": "complete", **batch.facts(row), **facts}}
            spectra[i] = Spectrum(planet_ids[i], wavelengths(), mean, sigma, covariance, provenance)
    for i, fault in faults.items():
        log.warning("planet %s gets the population's spectrum: %s", planet_ids[i], fault)
        spectra[i] = prior.fallback(planet_ids[i], fault)
    return [spectra[i] for i in range(len(curves))]


@dataclass
class _Batch:
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
    ) -> _Batch:
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

    def joint_fit(self, airs: DriftMixture, fgs1: DriftMixture) -> JointFit:
        """The joint fit under the drift priors that the whole set of planets taught."""
        prior = DriftPrior(
            fgs1=fgs1.planet_covariances(self.fgs1_drift),
            grey=airs.planet_covariances(self.white.drift_likelihood),
        )
        device = "cuda" if torch.cuda.is_available() else "cpu"
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

    def without(self, places: Container[int]) -> _Batch:
        """The batch less some planets: a broken one must not teach the others."""
        rows = [row for row, place in enumerate(self.places) if place not in places]
        return _Batch(
            places=[self.places[row] for row in rows],
            airs=[self.airs[row] for row in rows],
            fgs1=[self.fgs1[row] for row in rows],
            white=self.white.take(rows),
            fgs1_drift=self.fgs1_drift.take(rows),
            limb_darkening=self.limb_darkening,
        )

    def facts(self, row: int) -> dict[str, Any]:
        names = ("mid_time", "half_duration", "ingress_ratio")
        shape = {name: float(v) for name, v in zip(names, self.white.shape[row], strict=True)}
        return {
            **shape,
            "limb_darkening": list(self.limb_darkening),
            "white_depth": float(self.white.depth[row]),
            "white_sigma": float(self.white.sigma[row, -1]),
            "white_residual": self.residual(row),
        }


Fit = tuple[np.ndarray, np.ndarray, np.ndarray | None, dict[str, float | str]]
"""Mean, sigma, covariance and facts of one planet."""


def _start(
    curves: Sequence[Curves], places: Sequence[int], limb_darkening: tuple[float, float]
) -> list[_Batch]:
    """Group planets by time grid and fit their white light."""
    groups: dict[tuple[bytes, ...], list[int]] = {}
    for i in places:
        grid = tuple(a.tobytes() for curve in curves[i] for a in (curve.time, curve.span))
        groups.setdefault(grid, []).append(i)
    drift = default_drift()
    return [
        _Batch.of(group[first : first + BATCH], curves, drift, limb_darkening)
        for group in groups.values()
        for first in range(0, len(group), BATCH)
    ]


def _learn_drift(likelihoods: Sequence[DriftLikelihood]) -> DriftMixture:
    """One drift prior from all planets of a run."""
    together = DriftLikelihood(
        np.concatenate([likelihood.precision for likelihood in likelihoods]),
        np.concatenate([likelihood.information for likelihood in likelihoods]),
    )
    return default_drift().learn(together)


def _white_spectra(
    batches: Sequence[_Batch], prior: SpectrumPrior, settings: ExtractionSettings
) -> list[list[Fit]]:
    """The plain baseline: the white depth at every wavelength, one sigma."""
    if not batches:
        return []
    drift = _learn_drift([batch.white.drift_likelihood for batch in batches])
    answers = []
    for batch in batches:
        batch.refit_white(drift)
        sigma = np.hypot(batch.white.sigma[:, -1], prior.spread)
        answers.append(
            [
                (np.full(N_WAVELENGTHS, d), np.full(N_WAVELENGTHS, s), None, {})
                for d, s in zip(batch.white.depth, sigma, strict=True)
            ]
        )
    return answers


def _joint_spectra(
    batches: Sequence[_Batch],
    prior: SpectrumPrior,
    settings: ExtractionSettings,
    denoise: Denoiser | None,
) -> list[list[Fit]]:
    """The joint fit; the shapes of spectra are learned on from the planets themselves."""
    if not batches:
        return []
    airs = _learn_drift([batch.white.drift_likelihood for batch in batches])
    fgs1 = _learn_drift([batch.fgs1_drift for batch in batches])
    for batch in batches:
        batch.refit_white(airs)
    joints = [batch.joint_fit(airs, fgs1) for batch in batches]
    if settings.low_rank != "labels":
        prior = prior.widened(keep=settings.low_rank == "both")
    likelihoods = [
        _converge(joint, prior, denoise).weakened(batch.misfit())
        for joint, batch in zip(joints, batches, strict=True)
    ]
    if settings.low_rank != "labels":
        prior = _learn_shapes(prior, likelihoods)
    return [_answers(prior, likelihood) for likelihood in likelihoods]


def _converge(joint: JointFit, prior: SpectrumPrior, denoise: Denoiser | None) -> DepthLikelihood:
    """Relinearise about the posterior until the window and the depths agree."""
    linearised = _linearise(joint, denoise)
    for _ in range(LINEARISATIONS - 1):
        joint.move_to(linearised, prior.posterior(linearised.likelihood).mean)
        linearised = _linearise(joint, denoise)
    return linearised.likelihood


def _linearise(joint: JointFit, denoise: Denoiser | None) -> Linearised:
    linearised = joint.linearise()
    if denoise is None:
        return linearised
    return replace(linearised, nuisances=denoise(joint.systematics(linearised)))


def _learn_shapes(prior: SpectrumPrior, likelihoods: Sequence[DepthLikelihood]) -> SpectrumPrior:
    """EM over the planets being predicted, each with its own noise covariance."""
    for _ in range(EM_ROUNDS):
        moments = [prior.posterior(likelihood).shape_moment for likelihood in likelihoods]
        prior = refine_prior(prior, torch.cat(moments).cpu().numpy(), SHAPE_STRENGTH)
    return prior


def _answers(prior: SpectrumPrior, likelihood: DepthLikelihood) -> list[Fit]:
    posterior = prior.posterior(likelihood)
    mean, covariance = posterior.mean.cpu().numpy(), posterior.covariance.cpu().numpy()
    sigma = MODEL_ERROR.sigma(covariance)
    alpha, beta = prior.typical_amplitudes(posterior)
    return [
        (m, s, c, {"alpha": float(a), "beta": float(b), "prior": prior.source})
        for m, s, c, a, b in zip(mean, sigma, covariance, alpha, beta, strict=True)
    ]
