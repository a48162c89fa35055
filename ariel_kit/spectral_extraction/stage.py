"""The stage that lets the Bayesian ResNet-1D look at fitted spectra."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ariel_kit.core.errors import FitError, ShapeError
from ariel_kit.core.observation import Curves
from ariel_kit.core.spectrum import Spectrum
from ariel_kit.spectral_extraction.features import Errors, describe
from ariel_kit.spectral_extraction.resnet1d import ResNet1D

DRAWS = 16
BATCH = 64
"""Planets that pass the network at once."""


@dataclass(frozen=True)
class Draws:
    """What each thinned network says of one planet.

    Attributes
    ----------
    means, variances : ndarray [shape=(draw, 283), dtype=float64]
        Transit depths and the variances of their errors.
    """

    means: np.ndarray
    variances: np.ndarray


def draw_refinements(
    spectra: Sequence[Spectrum],
    curves: Sequence[Curves],
    *,
    model: ResNet1D,
    draws: int = DRAWS,
    seed: int = 0,
) -> list[Draws | None]:
    """Refine fitted spectra by Monte Carlo dropout (`ariel_kit.uncertainty` combines the draws).

    The level of a spectrum, its mean over AIRS, stays what the fit says, and so does its error:
    the network knows shapes.

    Parameters
    ----------
    spectra : sequence of Spectrum
        From `fit_light_curves`.
    curves : sequence of tuple of LightCurves
        The binned AIRS and FGS1 of the same planets.
    model : ResNet1D
        From ``create_model("resnet1d", weights=...)``.
    draws : int
        Thinned networks.
    seed : int
        Of what is dropped: the same for all planets, so that none depends on its neighbours.

    Returns
    -------
    list of Draws or None
        None for a planet that was not fitted.

    Raises
    ------
    ShapeError
        If there is not one pair of light curves for each spectrum.
    """
    if len(spectra) != len(curves):
        raise ShapeError(f"spectra and curves must pair up; got {len(spectra)} and {len(curves)}.")
    dropout = model.draw_dropout(draws, torch.Generator().manual_seed(seed))
    answers: list[Draws | None] = [None] * len(spectra)
    places, features = [], []
    for place, (spectrum, pair) in enumerate(zip(spectra, curves, strict=True)):
        try:
            features.append(describe(spectrum, pair))
        except FitError:
            continue  # the population's spectrum or a flat one: there is no shape to refine
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
    """Corrections and variance factors [shape=(draw, planet, 283) each]."""
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
    """From units of the fit's errors to depths; the factor is one of the shape's variance."""
    errors = Errors.of(spectrum)
    shape = np.minimum(errors.shape, errors.total) ** 2
    variances = errors.total**2 - shape + factor * shape
    change = correction * errors.shape
    return Draws(spectrum.mean + change - change[:, 1:].mean(axis=1, keepdims=True), variances)
