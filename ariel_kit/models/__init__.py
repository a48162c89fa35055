"""The networks of the kit by name, and their weights. Importing this room loads no torch."""

from ariel_kit.models.card import ModelCard
from ariel_kit.models.factory import create_model
from ariel_kit.models.registry import list_models, register_model
from ariel_kit.models.weights import find_weights, load_card, load_weights, save_weights

__all__ = [
    "ModelCard",
    "create_model",
    "find_weights",
    "list_models",
    "load_card",
    "load_weights",
    "register_model",
    "save_weights",
]
