"""The stage: fitted spectra, and what a network says of them, to one honest sigma."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from ariel_kit.core.errors import ShapeError
from ariel_kit.core.spectrum import Spectrum
from ariel_kit.uncertainty.combine import blend
from ariel_kit.uncertainty.mc_dropout import combine_draws
from ariel_kit.uncertainty.temperature import Temperature


class DrawsLike(Protocol):
    """Means and variances [shape=(draw, 283) each] of one planet."""

    @property
    def means(self) -> np.ndarray:
        """Of each draw."""

    @property
    def variances(self) -> np.ndarray:
        """Of each draw."""


def honest_sigma(
    spectra: Sequence[Spectrum],
    draws: Sequence[DrawsLike | None] | None = None,
    *,
    temperature: Temperature,
) -> list[Spectrum]:
    """Blend fits with their refinements, and scale sigma to the errors that are made.

    Parameters
    ----------
    spectra : sequence of Spectrum
        From the joint fit.
    draws : sequence, optional
        From `ariel_kit.spectral_extraction.stage.draw_refinements`, one entry per spectrum and
        None where there is nothing to refine; left out when the network is off.
    temperature : Temperature
        Of the line as it is run, with or without the network.

    Returns
    -------
    list of Spectrum
        A planet that was not fitted keeps the population's spectrum and sigma.

    Raises
    ------
    ShapeError
        If draws and spectra do not pair up.
    """
    draws = [None] * len(spectra) if draws is None else draws
    if len(draws) != len(spectra):
        raise ShapeError(f"draws and spectra must pair up; got {len(draws)} and {len(spectra)}.")
    return [
        _honest(spectrum, drawn, temperature)
        for spectrum, drawn in zip(spectra, draws, strict=True)
    ]


def _honest(spectrum: Spectrum, drawn: DrawsLike | None, temperature: Temperature) -> Spectrum:
    if spectrum.provenance.get("fit", {}).get("status") != "complete":
        skipped = {"status": "skipped", "reason": "the planet was not fitted"}
        return replace(spectrum, provenance={**spectrum.provenance, "temperature": skipped})
    if drawn is not None:
        spectrum = blend(spectrum, combine_draws(spectrum, drawn.means, drawn.variances))
    return temperature.apply(spectrum)
