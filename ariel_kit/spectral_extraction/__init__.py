"""Fit of light curves: the transmission spectrum of a planet with its covariance.

The names below load on first use, so the network is built on machines without numba.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
_FILES = {"fit_light_curves": "fit", "fit_planets": "fit", "ModelError": "model_error"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        from ariel_kit.core.errors import UnknownNameError

        raise AttributeError(str(UnknownNameError("name of spectral_extraction", name, __all__)))
    return getattr(import_module(f"{__name__}.{_FILES.get(name, 'priors')}"), name)
