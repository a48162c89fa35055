"""Calibrated sigmas of spectra: dropout draws, smoothing, blending, temperature scaling."""

from ariel_kit.uncertainty.combine import blend
from ariel_kit.uncertainty.mc_dropout import combine_draws
from ariel_kit.uncertainty.smoothness import smooth
from ariel_kit.uncertainty.stage import honest_sigma
from ariel_kit.uncertainty.temperature import Temperature, find_temperature, fit_temperature

__all__ = [
    "Temperature",
    "blend",
    "combine_draws",
    "find_temperature",
    "fit_temperature",
    "honest_sigma",
    "smooth",
]
