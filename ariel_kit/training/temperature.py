"""Fit the temperature of the line on simulated planets that nothing else has learned from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ariel_kit.core.revisions import current_revisions
from ariel_kit.core.spectrum import Draws
from ariel_kit.spectral_extraction.resnet1d import ResNet1D
from ariel_kit.spectral_extraction.stage import draw_refinements
from ariel_kit.training.pools.fitted import fit_chunk
from ariel_kit.training.pools.stored import SIMULATED
from ariel_kit.uncertainty import Temperature, fit_temperature, honest_sigma

FIRST_CHUNK = 500
"""First chunk that no network learns from; all later ones are reserved as well."""


def line_temperature(
    model: ResNet1D | None = None, *, chunks: int = 4, seed: int = 0
) -> Temperature:
    """Simulate, fit and, with a network, refine planets; then fit the temperature of that line.

    Parameters
    ----------
    model : ResNet1D, optional
        The refining network, if the line has it on.
    chunks : int
        Number of chunks of 96 planets: half have stars that no training used, half have invented
        gases.
    seed : int

    Returns
    -------
    Temperature

    Notes
    -----
    The shipped files are what these lines write, in three minutes each on one core::

        line_temperature().save("temperature/fit.json")
        network = create_model("resnet1d", weights="default")
        line_temperature(network).save("temperature/refined.json")
    """
    spectra, depths = [], []
    for number in range(FIRST_CHUNK, FIRST_CHUNK + chunks):
        fitted, curves, truths = fit_chunk(number, seed=seed)
        nothing: list[Draws | None] = [None] * len(fitted)
        draws = nothing if model is None else draw_refinements(fitted, curves, model=model)
        spectra += honest_sigma(fitted, draws)
        depths += [truth.depths for truth in truths]
    temperature = fit_temperature(spectra, np.array(depths))
    return replace(temperature, revisions=current_revisions(*SIMULATED))
