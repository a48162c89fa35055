"""The denoising stage: blind light of a batch of planets to a better drift prior of their fit."""

from __future__ import annotations

import torch
from torch import nn

from ariel_kit.denoising.maps import corrected, make_maps
from ariel_kit.light_curve.systematics import Denoiser, Gaussian, Systematics


def make_denoiser(model: nn.Module) -> Denoiser:
    """The denoiser that `fit_planets` takes.

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
