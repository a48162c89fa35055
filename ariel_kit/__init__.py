"""ariel_kit: from raw Ariel detector frames to a transmission spectrum with honest error bars.

The public names below load on first use, so ``import ariel_kit`` needs neither torch nor numba.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import Any

_PUBLIC = {
    "open_dataset": "data.dataset",
    "read_labels": "data.dataset",
    "Observation": "core.observation",
    "LightCurves": "core.observation",
    "Spectrum": "core.spectrum",
    "RunSettings": "core.config",
    "load_settings": "core.config",
    "simulate_dataset": "simulation",
    "calibrate_planet": "preprocessing",
    "calibration_warmup": "preprocessing",
    "fit_planets": "spectral_extraction",
    "run_pipeline": "pipeline",
    "score": "scoring",
    "log_likelihood_score": "scoring",
    "create_model": "models",
    "list_models": "models",
    "make_submission": "data.submission",
    "validate_submission": "data.submission",
    "plot_white_light_curve": "plots",
    "plot_light_curve_map": "plots",
    "plot_spectrum": "plots",
    "plot_residual_rms": "plots",
    "plot_residual_map": "plots",
    "plot_bad_pixels": "plots",
    "plot_profiles": "plots",
    "plot_pointing": "plots",
    "plot_calibration_of_sigma": "plots",
    "plot_score_by_snr": "plots",
    "plot_ablation": "plots",
    "plot_comparison": "plots",
}
__all__ = ["__version__", *_PUBLIC]
__version__ = version("ariel-kit")


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        from ariel_kit.core.errors import UnknownNameError

        raise AttributeError(str(UnknownNameError("public name", name, _PUBLIC)))
    return getattr(import_module(f"ariel_kit.{_PUBLIC[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
