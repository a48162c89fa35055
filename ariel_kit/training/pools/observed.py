"""Observations of a folder after their fit: what networks can learn from beside the simulator."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from ariel_kit.core.config import ExtractionSettings
from ariel_kit.core.errors import FitError
from ariel_kit.core.observation import Curves
from ariel_kit.core.spectrum import Spectrum
from ariel_kit.data.dataset import Labels
from ariel_kit.denoising.maps import make_maps
from ariel_kit.light_curve.systematics import Denoiser, Gaussian, Systematics
from ariel_kit.spectral_extraction import (
    SpectrumPrior,
    fit_light_curves,
    learn_prior,
    simulated_prior,
)
from ariel_kit.spectral_extraction.fit import LINEARISATIONS, bin_planets
from ariel_kit.training.pools.blind import BlindPlanets
from ariel_kit.training.pools.fitted import FittedPlanets
from ariel_kit.training.pools.folder import Fold

log = logging.getLogger(__name__)


def fitted_folds(folder: Path, folds: Sequence[Fold], truth: Labels) -> list[FittedPlanets]:
    """Labelled observations after a fit that has not seen their labels.

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
        spectra, curves = _fit(fold, learn_prior(truth.of(fold.others)))
        return FittedPlanets.of(spectra, curves, truth.of([s.planet_id for s in spectra]))

    return [
        FittedPlanets.kept(folder / f"fitted-{fold.name}.npz", partial(make, fold))
        for fold in folds
    ]


def blind_folds(folder: Path, folds: Sequence[Fold], *, seed: int) -> list[BlindPlanets]:
    """Blind light of observations, as the denoising stage would see it last; no truth.

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
        seen = []

        def look(systematics: Systematics) -> Gaussian:
            maps = make_maps(systematics).as_dict()
            seen.append(BlindPlanets({name: tensor.cpu() for name, tensor in maps.items()}, {}))
            return systematics.nuisances

        _fit(fold, prior, denoise=look)
        return BlindPlanets.together(seen[LINEARISATIONS - 1 :: LINEARISATIONS])

    return [
        BlindPlanets.kept(folder / f"blind-{fold.name}.pt", partial(make, fold)) for fold in folds
    ]


def _fit(
    fold: Fold, prior: SpectrumPrior, *, denoise: Denoiser | None = None
) -> tuple[list[Spectrum], list[Curves]]:
    """Fit the observations of a fold together."""
    log.info("fitting fold %s: %d observations", fold.name, len(fold.observations))
    ids, curves, settings = bin_planets(fold.observations, ExtractionSettings())
    spectra = fit_light_curves(ids, curves, prior=prior, settings=settings, denoise=denoise)
    if all(spectrum.provenance["fit"]["status"] == "fallback" for spectrum in spectra):
        raise FitError(
            f"a network learns from fitted planets; of planets {', '.join(map(str, ids))}, which "
            "were fitted together, none could be. The log says why: leave them out."
        )
    return spectra, curves
