"""Read recipes of trainings from YAML: one training, or several in order."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import ConfigDict, Field

from ariel_kit.core.config import Settings, find_recipe, load_settings
from ariel_kit.training.settings import TrainSettings
from ariel_kit.training.tasks import find_task

FOLDER = "train"


class _Several(Settings):
    """Name other recipes."""

    recipes: list[str] = Field(description="Recipes to train, in order.")


class _Head(Settings):
    """Hold the keys that decide how the rest is read."""

    model_config = ConfigDict(extra="ignore")

    recipes: list[str] | None = None
    task: str | None = None


def load_orders(config: str, overrides: Iterable[str] = ()) -> list[TrainSettings]:
    """Read the trainings that a recipe asks for, each typed by its task.

    Parameters
    ----------
    config : str
        Name of a recipe in ``configs/train``, or path of a YAML file.
    overrides : iterable of str
        ``a.b=c`` for each of them.

    Raises
    ------
    UnknownNameError
        If there is no such recipe or task.
    ConfigError
        With every problem of a recipe at once.

    Examples
    --------
    >>> load_orders("tiny", ["seed=3"])[0].seed
    3
    """
    path, overrides = find_recipe(config, FOLDER), list(overrides)
    head = load_settings(_Head, path, overrides)
    if head.recipes is not None:
        names = load_settings(_Several, path).recipes
        return [order for name in names for order in load_orders(name, overrides)]
    kind = TrainSettings if head.task is None else find_task(head.task).TaskSettings
    return [load_settings(kind, path, overrides)]
