"""Tasks of the networks: one file per network, imported on demand."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from ariel_kit.core.errors import UnknownNameError

TASKS = {
    "tcn_jnet": "ariel_kit.training.tasks.jitter",
    "ti_mae": "ariel_kit.training.tasks.ti_mae",
    "physnet": "ariel_kit.training.tasks.physnet",
    "resnet1d": "ariel_kit.training.tasks.resnet1d",
}
"""Each task and its module, in the order in which they are trained."""

PRETRAINED_BY = {"physnet": "ti_mae"}
"""Tasks that start from the weights of another, where both are trained in one go."""


def find_task(name: str) -> ModuleType:
    """Find the module of a task, with its ``TaskSettings`` and ``make_task``.

    Raises
    ------
    UnknownNameError
        If there is no such task.
    """
    if name not in TASKS:
        raise UnknownNameError("task", name, TASKS)
    return import_module(TASKS[name])
