"""Make pools from observations of a folder after their fit."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from ariel_kit.core.config import ExtractionSettings
from ariel_kit.core.errors import FitError
from ariel_kit.core.observation import Visit
from ariel_kit.data.dataset import Labels
from ariel_kit.denoising.maps import make_maps
from ariel_kit.spectral_extraction import (
    SpectrumPrior,
    fit_light_curves,
    learn_prior,
    simulated_prior,
)
from ariel_kit.spectral_extraction.fit import bin_planets
from ariel_kit.spectral_extraction.fitted import LightCurveFit
from ariel_kit.training.pools.blind import BlindPlanets
from ariel_kit.training.pools.fitted import FittedPlanets
from ariel_kit.training.pools.folder import Fold

log = logging.getLogger(__name__)


def fitted_folds(folder: Path, folds: Sequence[Fold], truth: Labels) -> list[FittedPlanets]:
    """Fetch labelled observations after a fit that did not use their labels.

    Parameters
    ----------
    folder : Path
        Keeps one file per fold.
    folds : sequence of Fold
    truth : Labels
        The prior of each fold is learned from the labels of all others.

    Returns
    -------
    list of FittedPlanets
    """

    def make(fold: Fold) -> FittedPlanets:
        visits, fit = _fit(fold, learn_prior(truth.of(fold.others)))
        curves = [visit.curves for visit in visits]
        return FittedPlanets.of(fit.spectra, curves, truth.of([v.planet_id for v in visits]))

    return [
        FittedPlanets.kept(folder / f"fitted-{fold.name}.npz", partial(make, fold))
        for fold in folds
    ]


def blind_folds(folder: Path, folds: Sequence[Fold], *, seed: int) -> list[BlindPlanets]:
    """Fetch observations as the denoising stage sees them at the end of a fit, without the truth.

    Parameters
    ----------
    folder : Path
        Keeps one file per fold.
    folds : sequence of Fold
    seed : int
        Of the simulated spectra that the prior of the fits is learned from.

    Returns
    -------
    list of BlindPlanets
    """
    prior = simulated_prior(seed)

    def make(fold: Fold) -> BlindPlanets:
        _, fit = _fit(fold, prior)
        maps = [make_maps(batch.fetch().systematics).as_dict() for batch in fit.joints]
        return BlindPlanets.together([BlindPlanets(batch, {}) for batch in maps])

    return [
        BlindPlanets.kept(folder / f"blind-{fold.name}.pt", partial(make, fold)) for fold in folds
    ]


def _fit(fold: Fold, prior: SpectrumPrior) -> tuple[list[Visit], LightCurveFit]:
    """Fit the observations of a fold together."""
    log.info("fitting fold %s: %d observations", fold.name, len(fold.observations))
    visits = bin_planets(fold.observations, ExtractionSettings())
    fit = fit_light_curves(visits, prior=prior)
    if all(spectrum.fit is None for spectrum in fit.spectra):
        planets = ", ".join(str(visit.planet_id) for visit in visits)
        raise FitError(
            f"a network learns from fitted planets; of planets {planets}, which "
            "were fitted together, none could be. The log says why: leave them out."
        )
    return visits, fit
