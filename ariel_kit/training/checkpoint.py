"""Write and read checkpoints, which only the training that wrote them can continue."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict, cast

import torch
from torch import Tensor

from ariel_kit.core.cache import atomic_path
from ariel_kit.core.errors import ConfigError, DataFileError
from ariel_kit.training.pools.stored import UNREADABLE
from ariel_kit.training.settings import TrainSettings

CHECKPOINT_FILE = "checkpoint.pt"

Revisions = Mapping[str, int]


class HistoryRow(TypedDict):
    """Describe one validation."""

    step: int
    learning_rate: float
    train_loss: float
    validation_loss: float


class BestWeights(TypedDict):
    """Hold the averaged weights of the lowest validation loss; None before the first."""

    loss: float
    step: int
    weights: dict[str, Tensor] | None


class TrainingState(TypedDict):
    """Hold the state that a training continues from; data, draws and rate follow from the step.

    The states of optimiser and gradient scaler are torch's own.
    """

    step: int
    model: dict[str, Tensor]
    ema: dict[str, Tensor]
    optimizer: dict[str, Any]
    scaler: dict[str, Any] | None
    best: BestWeights
    history: list[HistoryRow]


class Origin(TypedDict):
    """Hold the settings and the revisions of the data that a state belongs to."""

    settings: dict[str, Any]
    revisions: dict[str, int]


class _Checkpoint(TrainingState, Origin):
    """Hold all contents of a checkpoint file."""


def save_checkpoint(
    path: Path, state: TrainingState, settings: TrainSettings, revisions: Revisions
) -> None:
    """Write `state`, with the settings and the revisions of the data that it belongs to."""
    origin = Origin(settings=settings.model_dump(mode="json"), revisions=dict(revisions))
    with atomic_path(path) as unfinished:
        torch.save({**state, **origin}, unfinished)


def load_checkpoint(path: Path, settings: TrainSettings, revisions: Revisions) -> TrainingState:
    """Read the state of a training with these settings, on data of these revisions.

    Raises
    ------
    DataFileError
        If the file is missing or damaged.
    ConfigError
        If it belongs to other settings, all of which are named, or to data of other revisions.
    """
    state = _read(path)
    here, there = (
        _flat(values) for values in (settings.model_dump(mode="json"), state["settings"])
    )
    names = sorted(name for name in here.keys() | there.keys() if here.get(name) != there.get(name))
    if names:
        raise ConfigError(
            f"{path} belongs to a training with other settings ({', '.join(names)}): "
            "use those, another folder, or resume=never."
        )
    if state["revisions"] != dict(revisions):
        raise ConfigError(
            f"{path} belongs to a training on data of {_named(state['revisions'])}; the kit makes "
            f"{_named(revisions)} today: use another folder, or resume=never."
        )
    return state


def _read(path: Path) -> _Checkpoint:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise DataFileError(f"{path} is missing: name a checkpoint, or resume=auto.") from error
    except UNREADABLE as error:
        raise DataFileError(f"{path} is damaged; start again with resume=never.") from error
    missing = _Checkpoint.__annotations__.keys() - (state if isinstance(state, dict) else {}).keys()
    if missing:
        raise DataFileError(
            f"{path} must hold a whole checkpoint; it lacks {', '.join(sorted(missing))}: start "
            "again with resume=never."
        )
    return cast(_Checkpoint, state)


def _named(revisions: Revisions) -> str:
    return ", ".join(f"{part} {number}" for part, number in revisions.items()) or "no revision"


def find_checkpoint(resume: str, folder: Path) -> Path | None:
    """Find the checkpoint to continue from: ``auto`` takes the one in `folder`, ``never`` none.

    Examples
    --------
    >>> find_checkpoint("never", Path("out")), find_checkpoint("other/checkpoint.pt", Path("out"))
    (None, PosixPath('other/checkpoint.pt'))
    """
    if resume == "never":
        return None
    if resume != "auto":
        path = Path(resume)
        return path / CHECKPOINT_FILE if path.is_dir() else path
    path = folder / CHECKPOINT_FILE
    return path if path.is_file() else None


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        inner = _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {}
        flat |= inner or {f"{prefix}{name}": value}
    return flat
