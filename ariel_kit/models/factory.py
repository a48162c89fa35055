"""Build networks by name, with random weights or with stored ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ariel_kit.core.errors import WeightsError, shortened
from ariel_kit.core.revisions import describe_change
from ariel_kit.models.card import ModelCard
from ariel_kit.models.registry import build_model
from ariel_kit.models.weights import (
    CARD_FILE,
    check_golden,
    count_parameters,
    find_weights,
    load_card,
    load_weights,
)

if TYPE_CHECKING:
    from torch import nn

LARGEST_ARGUMENT = 10_000
"""Largest argument of a stored network. A card that asks for more would build for hours."""


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
        If the weights are missing, damaged, or those of another network, or do not give the output
        that was stored with them; or if those in the package were made by another revision of the
        kit.

    Examples
    --------
    >>> model = create_model("resnet1d", weights="default")
    >>> sum(parameter.numel() for parameter in model.parameters())
    87701
    """
    if weights is None:
        model = build_model(name, **changes)
    else:
        folder = _weights_folder(name, weights)
        model = _build_from_card(name, folder, changes)
        load_weights(model, folder)
        check_golden(model, folder)
    return model.to(device).eval()


def _build_from_card(name: str, folder: Path, changes: dict[str, Any]) -> nn.Module:
    card = load_card(folder)
    if card.model != name:
        raise WeightsError(f"{folder} holds weights of {card.model!r}; {name!r} needs its own.")
    _check_config(card, folder)
    return build_model(name, **card.config | changes)


def _check_config(card: ModelCard, folder: Path) -> None:
    """Refuse a card whose arguments build no network, or a network of another size.

    The network is built without its numbers, so that not even a card that asks for terabytes takes
    any memory.
    """
    import torch

    if too_large := [name for name, value in card.config.items() if _is_too_large(value)]:
        raise WeightsError(
            f"the config of {folder / CARD_FILE} must hold numbers up to {LARGEST_ARGUMENT}; "
            f"{too_large[0]} is larger: copy the card, or train the weights again."
        )
    try:
        with torch.device("meta"):
            built = count_parameters(build_model(card.model, **card.config))
    except (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise WeightsError(
            f"the config of {folder / CARD_FILE} builds no {card.model} ({shortened(str(error))}): "
            "copy the card, or train the weights again."
        ) from error
    if built != card.parameters:
        raise WeightsError(
            f"the config of {folder / CARD_FILE} builds {built} parameters, and the card says "
            f"{card.parameters}: copy the card, or train the weights again."
        )


def _is_too_large(value: object) -> bool:
    """Tell whether an argument, or one in a list of them, is too large."""
    parts = value if isinstance(value, list) else [value]
    return any(
        isinstance(part, int | float) and not abs(part) <= LARGEST_ARGUMENT for part in parts
    )


def _weights_folder(name: str, weights: str | Path) -> Path:
    if weights != "default":
        return Path(weights)
    folder = find_weights(name)
    if folder is None:
        raise WeightsError(f"the package has no weights of {name!r}: train it and give the folder.")
    change = describe_change(load_card(folder).revisions)
    if change is not None:
        raise WeightsError(
            f"the package's weights of {name!r} were made by {change}: train it, give the folder."
        )
    return folder
