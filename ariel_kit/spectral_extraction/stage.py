"""Two stages of the pipeline: the joint fit, and the network that refines fitted spectra."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import ClassVar, cast
from weakref import finalize

import numpy as np
import torch

from ariel_kit.core.config import ExtractionSettings, RunSettings
from ariel_kit.core.errors import FitError, ShapeError
from ariel_kit.core.observation import Curves, Observation, Visit
from ariel_kit.core.passes import number_batches
from ariel_kit.core.spectrum import Draws, Spectrum
from ariel_kit.light_curve.stage import NO_FIT, LineState, load_network
from ariel_kit.models.weights import find_refusal
from ariel_kit.spectral_extraction.batch import VisitSummary
from ariel_kit.spectral_extraction.features import Errors, describe
from ariel_kit.spectral_extraction.fit import bin_planets, fit_stored
from ariel_kit.spectral_extraction.fitted import FitPlan
from ariel_kit.spectral_extraction.resnet1d import ResNet1D

DRAWS = 16
"""Number of dropout draws."""
BATCH = 64
"""Number of planets that the network processes at once."""


@dataclass(frozen=True)
class FitStage:
    """Fit all light curves; the only stage that cannot be switched off."""

    name: ClassVar = "fit"
    weights: ClassVar = None
    settings: ExtractionSettings
    device: str

    @classmethod
    def find_refusal(
        cls, settings: RunSettings, models_dir: str | Path | None, edition: int
    ) -> None:
        """See `ariel_kit.light_curve.stage.Stage`; the fit has no weights to refuse."""

    @classmethod
    def load(cls, settings: RunSettings, models_dir: str | Path | None, device: str) -> FitStage:
        """See `ariel_kit.light_curve.stage.Stage`."""
        return cls(settings.extraction, device)

    def __call__(self, state: LineState) -> LineState:
        """Bin the observations and fit them; spectra are computed later, batch by batch."""
        seen, passes = state.observations, state.passes.apart()
        alone = number_batches(seen[place : place + 1] for place in range(len(seen)))
        look = partial(_look, self.settings)
        visits, summaries = passes.advance(look, alone, "light curves")
        order = FitPlan(
            state.prior, self.settings, state.denoise, self.device, passes, state.taught
        )
        fit = fit_stored(visits, summaries, order)
        if passes.folder is not None:
            finalize(fit, shutil.rmtree, passes.folder, ignore_errors=True)
        return replace(state, observations=(), fit=fit)


def _look(settings: ExtractionSettings, alone: Sequence[Observation]) -> tuple[Visit, VisitSummary]:
    """Bin the only observation of a task."""
    (visit,) = bin_planets(alone, settings)
    return visit, VisitSummary.at(visit)


@dataclass(frozen=True)
class RefineStage:
    """Refine fitted spectra by the Bayesian ResNet-1D."""

    name: ClassVar = "refine"
    model: ResNet1D
    weights: str
    seed: int

    @classmethod
    def find_refusal(
        cls, settings: RunSettings, models_dir: str | Path | None, edition: int
    ) -> str | None:
        """See `ariel_kit.light_curve.stage.Stage`."""
        return find_refusal("resnet1d", models_dir, edition=edition)

    @classmethod
    def load(
        cls, settings: RunSettings, models_dir: str | Path | None, device: str
    ) -> RefineStage | None:
        """See `ariel_kit.light_curve.stage.Stage`."""
        if not settings.stages.refine:
            return None
        model, weights = load_network(cls.name, "resnet1d", models_dir, device)
        return cls(cast(ResNet1D, model), weights, settings.seed)

    def __call__(self, state: LineState) -> LineState:
        """Draw predictions for each spectrum; the uncertainty stage combines them."""
        curves = [visit.curves for visit in state.visits]
        draws = draw_refinements(state.spectra, curves, model=self.model, seed=self.seed)
        spectra = [
            spectrum if drawn is not None else spectrum.with_step(self.name, _why_not(spectrum))
            for spectrum, drawn in zip(state.spectra, draws, strict=True)
        ]
        return replace(state, spectra=spectra, draws=draws)


def _why_not(spectrum: Spectrum) -> dict[str, str]:
    """Build the provenance entry of a spectrum that was not refined."""
    if spectrum.covariance is None:
        return NO_FIT
    return {"status": "skipped", "reason": "a wavelength holds no data"}


def draw_refinements(
    spectra: Sequence[Spectrum],
    curves: Sequence[Curves],
    *,
    model: ResNet1D,
    draws: int = DRAWS,
    seed: int = 0,
) -> list[Draws | None]:
    """Refine fitted spectra by Monte Carlo dropout (`ariel_kit.uncertainty` combines the draws).

    The network corrects shapes only: the level of a spectrum, its mean over AIRS, and the error of
    the level remain those of the fit.

    Parameters
    ----------
    spectra : sequence of Spectrum
        Fitted spectra, from `fit_light_curves`.
    curves : sequence of tuple of LightCurves
        Binned AIRS and FGS1 light curves of the same planets.
    model : ResNet1D
        Network, from ``create_model("resnet1d", weights=...)``.
    draws : int
        Number of dropout masks.
    seed : int
        Seed of the masks. They are the same for all planets, so that no result depends on the other
        planets.

    Returns
    -------
    list of Draws or None
        None for a planet that was not fitted, or that has a wavelength without data.

    Raises
    ------
    ShapeError
        If there is not one pair of light curves for each spectrum.
    """
    if len(spectra) != len(curves):
        raise ShapeError(
            "there must be one pair of light curves for each spectrum; got "
            f"{len(curves)} pairs and {len(spectra)} spectra."
        )
    dropout = model.draw_dropout(draws, torch.Generator().manual_seed(seed))
    answers: list[Draws | None] = [None] * len(spectra)
    places, features = [], []
    for place, (spectrum, pair) in enumerate(zip(spectra, curves, strict=True)):
        try:
            features.append(describe(spectrum, pair))
        except FitError:
            continue  # no shape to refine, or a wavelength without data, which no training had
        places.append(place)
    for first in range(0, len(places), BATCH):
        part = slice(first, first + BATCH)
        correction, factor = _answers(model, np.stack(features[part]), dropout)
        for row, place in enumerate(places[part]):
            answers[place] = _depths(spectra[place], correction[:, row], factor[:, row])
    return answers


def _answers(
    model: ResNet1D, features: np.ndarray, dropout: dict[str, torch.Tensor]
) -> tuple[np.ndarray, np.ndarray]:
    """Compute corrections and variance factors [shape=(draw, planet, 283) each]."""
    device = model.place.device
    inputs = torch.as_tensor(features, device=device)
    corrections, factors = [], []
    with torch.no_grad():
        for draw in range(len(dropout["channels"])):
            mask = {name: kept[draw : draw + 1].to(device) for name, kept in dropout.items()}
            out = model(inputs, **mask)
            corrections.append(out["correction"].double().cpu().numpy())
            factors.append(out["log_variance"].double().exp().cpu().numpy())
    return np.stack(corrections), np.stack(factors)


def _depths(spectrum: Spectrum, correction: np.ndarray, factor: np.ndarray) -> Draws:
    """Convert corrections in units of sigma to depths; `factor` scales the shape's variance."""
    errors = Errors.of(spectrum)
    shape = np.minimum(errors.shape, errors.total) ** 2
    variances = errors.total**2 - shape + factor * shape
    change = correction * errors.shape
    return Draws(spectrum.mean + change - change[:, 1:].mean(axis=1, keepdims=True), variances)
