"""Networks ready for use: built by name, with random weights or with stored ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ariel_kit.core.errors import WeightsError
from ariel_kit.models.registry import build_model
from ariel_kit.models.weights import find_weights, load_card, load_weights

if TYPE_CHECKING:
    from torch import nn


def create_model(
    name: str,
    *,
    weights: str | Path | None = None,
    device: str | None = None,
    **changes: Any,
) -> nn.Module:
    """Build a network, with random weights or with stored ones, in evaluation mode.

    Parameters
    ----------
    name : str
        One of `list_models`.
    weights : str or Path, optional
        ``"default"`` for the weights in the package, or a weights folder; random when left out.
        The network is built as its card says, so weights of any size fit.
    device : str, optional
        Where the network is put; the CPU when left out.
    **changes
        Arguments of the network that differ from its defaults.

    Raises
    ------
    UnknownNameError
        If there is no network of this name, or it has no argument of that name.
    WeightsError
        If the weights are missing, damaged, or those of another network.
    """
    folder = None if weights is None else _weights_folder(name, weights)
    if folder is not None:
        card = load_card(folder)
        if card.model != name:
            raise WeightsError(f"{folder} holds weights of {card.model!r}; {name!r} needs its own.")
        changes = card.config | changes
    model = build_model(name, **changes)
    if folder is not None:
        load_weights(model, folder)
    return model.to(device).eval()


def _weights_folder(name: str, weights: str | Path) -> Path:
    if weights != "default":
        return Path(weights)
    folder = find_weights(name)
    if folder is None:
        raise WeightsError(f"the package has no weights of {name!r}: train it and give the folder.")
    return folder
