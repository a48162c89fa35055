"""The denoising stage: improve the drift prior of a fit from depth-free residuals."""

from __future__ import annotations

from dataclasses import dataclass, replace
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
    """Add PhySNet to the fit as a hook that predicts the drift to expect."""

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
        """Set the hook; the fit records where it was used."""
        return replace(state, denoise=self.denoiser)


def make_denoiser(model: nn.Module) -> Denoiser:
    """Make the denoiser for `fit_planets` from a network.

    Parameters
    ----------
    model : torch.nn.Module
        A PhySNet, e.g. ``create_model("physnet", weights="default")``.

    Returns
    -------
    callable
        `Systematics` to `Gaussian`.
    """

    def denoise(systematics: Systematics) -> Gaussian:
        inputs = make_maps(systematics).as_dict()
        with torch.no_grad():
            answer = model.to(systematics.weight.device).eval()(**inputs)
        shift, log_scale = (answer[name].double() for name in ("shift", "log_scale"))
        return corrected(systematics, shift, log_scale)

    return denoise
