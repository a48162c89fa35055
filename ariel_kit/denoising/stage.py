"""The denoising stage: blind light of a batch of planets to a better drift prior of their fit."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from ariel_kit.denoising.maps import corrected, make_maps
from ariel_kit.models import create_model, find_weights
from ariel_kit.systematics import Denoiser, Gaussian, Systematics

NAME = "physnet"


def load_denoiser(models_dir: str | Path | None = None) -> Denoiser:
    """The denoiser that `fit_planets` takes, with the weights of PhySNet.

    Parameters
    ----------
    models_dir : path, optional
        Folder with a folder ``physnet``; the shipped weights where it has none.

    Returns
    -------
    callable

    Raises
    ------
    WeightsError
        If there are no weights, or damaged ones.
    """
    folder = find_weights(NAME, models_dir)
    return make_denoiser(create_model(NAME, weights=folder or "default"))


def make_denoiser(model: nn.Module) -> Denoiser:
    """The denoiser of a network.

    Parameters
    ----------
    model : torch.nn.Module
        A PhySNet.

    Returns
    -------
    callable
        `Systematics` to `Gaussian`.
    """

    def denoise(systematics: Systematics) -> Gaussian:
        device = systematics.weight.device
        inputs = make_maps(systematics).as_dict()
        with torch.inference_mode():
            answer = model.to(device).eval()(**inputs)
        shift, log_scale = (answer[name].double() for name in ("shift", "log_scale"))
        return corrected(systematics, shift.clone(), log_scale.clone())

    return denoise
