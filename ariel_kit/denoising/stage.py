"""The denoising stage, which corrects the drift of a fit by PhySNet."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import ClassVar

import torch
from torch import nn

from ariel_kit.core.config import RunSettings
from ariel_kit.denoising.maps import corrected, make_maps
from ariel_kit.light_curve.stage import LineState, load_network
from ariel_kit.light_curve.systematics import Denoiser, Gaussian, Systematics
from ariel_kit.models.weights import find_refusal


@dataclass(frozen=True)
class DenoiseStage:
    """Pass PhySNet to the fit, which calls it to correct the posterior of the drift.

    Attributes
    ----------
    denoiser : callable
        Function that corrects the drift; see `make_denoiser`.
    weights : str
        SHA-256 of the network's weights.
    """

    name: ClassVar = "denoise"
    denoiser: Denoiser
    weights: str

    @classmethod
    def find_refusal(
        cls, settings: RunSettings, models_dir: str | Path | None, edition: int
    ) -> str | None:
        """See `ariel_kit.light_curve.stage.Stage`."""
        return find_refusal("physnet", models_dir, edition=edition)

    @classmethod
    def load(
        cls, settings: RunSettings, models_dir: str | Path | None, device: str
    ) -> DenoiseStage | None:
        """See `ariel_kit.light_curve.stage.Stage`."""
        if not settings.stages.denoise:
            return None
        model, weights = load_network(cls.name, "physnet", models_dir, device)
        return cls(make_denoiser(model), weights)

    def __call__(self, state: LineState) -> LineState:
        """Set the denoiser of the fit, which records for which planets it was used."""
        return replace(state, denoise=self.denoiser)


def make_denoiser(model: nn.Module) -> Denoiser:
    """Build the denoiser that `fit_planets` takes from a network.

    Parameters
    ----------
    model : torch.nn.Module
        A PhySNet, for example ``create_model("physnet", weights="default")``.

    Returns
    -------
    callable
        Function from `Systematics` to the corrected `Gaussian` of the nuisance parameters.
    """
    return partial(_denoise, model)


def _denoise(model: nn.Module, systematics: Systematics) -> Gaussian:
    inputs = make_maps(systematics).as_dict()
    with torch.no_grad():
        answer = model.to(systematics.weight.device).eval()(**inputs)
    shift, log_scale = (answer[name].double() for name in ("shift", "log_scale"))
    return corrected(systematics, shift, log_scale)
