"""Light curves to a transmission spectrum with its covariance."""

from ariel_kit.spectral_extraction.fit import fit_light_curves, fit_planets
from ariel_kit.spectral_extraction.model_error import ModelError
from ariel_kit.spectral_extraction.priors import (
    SpectrumPrior,
    choose_prior,
    learn_prior,
    simulated_prior,
)

__all__ = [
    "ModelError",
    "SpectrumPrior",
    "choose_prior",
    "fit_light_curves",
    "fit_planets",
    "learn_prior",
    "simulated_prior",
]
