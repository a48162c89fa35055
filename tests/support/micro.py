"""A folder of micro weights for every learned stage: random, and far from doing nothing."""

from __future__ import annotations

from pathlib import Path

import torch

from ariel_kit.core.revisions import current_revisions
from ariel_kit.models import ModelCard, create_model, save_weights
from ariel_kit.spectral_extraction.features import FEATURES
from ariel_kit.uncertainty import Temperature

FACTORS = {"fit": 1.25, "refined": 1.5}
"""Temperatures without and with the refining network."""


def save_micro_models(folder: Path) -> Path:
    """Write them and give the folder back."""
    sizes = {"tcn_jnet": {}, "physnet": {}, "resnet1d": {"features": len(FEATURES)}}
    for name, changes in sizes.items():
        torch.manual_seed(0)
        model = create_model(f"test_{name}", **changes)
        with torch.no_grad():
            for parameter in model.parameters():  # heads that start at zero would change nothing
                parameter += 0.05 * torch.randn_like(parameter)
        save_weights(
            model, folder / name, ModelCard(model=name, revisions=current_revisions("fit"))
        )
    (folder / "temperature").mkdir()
    for name, factor in FACTORS.items():
        warm = Temperature(factor=factor, factors=((factor,),), revisions=current_revisions("fit"))
        warm.save(folder / "temperature" / f"{name}.json")
    return folder
