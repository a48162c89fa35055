"""The training loop of all tasks: from settings to weights with a card."""

from __future__ import annotations

import csv
import json
import logging
from collections.abc import Sequence
from pathlib import Path

from ariel_kit.core.cache import atomic_path
from ariel_kit.core.config import save_settings
from ariel_kit.core.errors import ConfigError
from ariel_kit.core.revisions import current_revisions
from ariel_kit.core.runtime import one_thread, progress, versions
from ariel_kit.models import ModelCard, load_card, save_weights
from ariel_kit.training.checkpoint import (
    CHECKPOINT_FILE,
    HistoryRow,
    Revisions,
    find_checkpoint,
    load_checkpoint,
    save_checkpoint,
)
from ariel_kit.training.engine import Training, make_accelerator
from ariel_kit.training.settings import TrainSettings
from ariel_kit.training.task import Task
from ariel_kit.training.tasks import PRETRAINED_BY, find_task

log = logging.getLogger(__name__)


def train_all(
    orders: Sequence[TrainSettings],
    output_dir: str | Path,
    *,
    resume: str = "auto",
    command: str = "",
) -> list[ModelCard]:
    """Train one network after the other, each into ``output_dir / name``.

    `output_dir` is then a folder of weights folders, as `find_weights` expects it. A network that
    starts from another network's weights takes those of the same call, unless a folder is named.
    Where several are trained, one that cannot learn from real planets learns from simulated ones,
    and the log says so.

    Parameters
    ----------
    orders : sequence of TrainSettings
        What to train, in order.
    output_dir : path
    resume, command : str
        As for `train`.

    Raises
    ------
    ConfigError
        If a task cannot follow its settings; this is found before anything is trained.
    """
    output_dir, tasks, names = Path(output_dir), [], [settings.task for settings in orders]
    for index, settings in enumerate(orders):
        teacher = PRETRAINED_BY.get(settings.task)
        if teacher in names[:index] and settings.pretrained in (None, "default"):
            settings = settings.model_copy(update={"pretrained": str(output_dir / teacher)})
        tasks.append(_make_task(settings, alone=len(orders) == 1))
    return [
        train(task, settings, output_dir / task.name, resume=resume, command=command)
        for task, settings in tasks
    ]


def train(
    task: Task,
    settings: TrainSettings,
    folder: str | Path,
    *,
    resume: str = "auto",
    command: str = "",
) -> ModelCard:
    """Train the network of a task and save its best averaged weights.

    `folder` then holds the weights with their card, ``settings.yaml``, ``versions.json``,
    ``history.csv``, ``checkpoint.pt`` and the data pool.

    Parameters
    ----------
    task : Task
    settings : TrainSettings
    folder : path
    resume : str
        ``auto`` continues from the checkpoint in `folder` if there is one, ``never`` starts from
        the beginning, and anything else is the path of a checkpoint.
    command : str
        What the card names as the command that trained these weights.

    Returns
    -------
    ModelCard
        The card of the saved weights.

    Raises
    ------
    ConfigError
        If the checkpoint belongs to other settings, or the device cannot do what they ask for.
    DataFileError
        If the checkpoint is missing or damaged.
    FitError
        If the loss is no longer finite.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    accelerator = make_accelerator(settings.loop)
    checkpoint, revisions = find_checkpoint(resume, folder), current_revisions(*task.parts)
    state = None if checkpoint is None else load_checkpoint(checkpoint, settings, revisions)
    # Small networks learn no faster on several threads, and several times slower where other work
    # runs beside them: with one thread ResNet-1D takes 9.6 steps a second on a busy machine of two
    # cores, with two threads 0.4. The last bits of the weights depend on the number, too.
    with one_thread(), accelerator.main_process_first():  # it makes the pool for all
        task.prepare(folder / "pool")
    with one_thread():
        training = Training(task, settings, accelerator)
        if state is not None:
            training.restore(state)
        _learn(training, folder, revisions)
        if accelerator.is_main_process:
            card = _card(training, revisions, command)
            save_weights(training.best_model(), folder, card)
    accelerator.wait_for_everyone()
    return load_card(folder)


def _card(training: Training, revisions: Revisions, command: str) -> ModelCard:
    settings, facts = training.settings, training.task.facts()
    return ModelCard(
        model=training.task.name,
        licence=settings.data.licence,
        editions=facts.editions,
        revisions=dict(revisions),
        data=facts.data,
        settings=settings.for_card(),
        seed=settings.seed,
        command=command,
        score=training.best["loss"],
        limits=facts.limits,
    )


def _learn(training: Training, folder: Path, revisions: Revisions) -> None:
    """Take all remaining steps, with a checkpoint at every validation."""
    settings, loop, steps = training.settings, training.settings.loop, training.steps()
    name, is_main = training.task.name, training.accelerator.is_main_process
    if is_main:
        save_settings(settings, folder / "settings.yaml")
        _write_json(folder / "versions.json", versions())
    if training.finished:
        log.info("%s: already finished at step %d; nothing is trained", name, training.step)
        return
    if is_main:
        left = loop.steps - training.step
        steps = progress(steps, total=left, description=f"train {name}", unit="steps")
    for step in steps:
        training.learn(step)
        if training.step % loop.validate_every == 0 or training.step == loop.steps:
            training.validate()
            if is_main:
                save_checkpoint(folder / CHECKPOINT_FILE, training.state(), settings, revisions)
                _write_history(folder / "history.csv", training.history)
    if is_main and training.step < loop.steps:
        log.info("%s: stopped early: no better for %d validations", name, loop.patience)


def _make_task(settings: TrainSettings, *, alone: bool) -> tuple[Task, TrainSettings]:
    make = find_task(settings.task).make_task
    try:
        return make(settings), settings
    except ConfigError as refusal:
        if alone or settings.data.folder is None:
            raise
        log.warning("%s Goes on with simulated data.", refusal)
        data = settings.data.model_copy(update={"folder": None, "labels": None})
        settings = settings.model_copy(update={"data": data})
        return make(settings), settings


def _write_json(path: Path, values: dict[str, str]) -> None:
    with atomic_path(path) as unfinished:
        unfinished.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")


def _write_history(path: Path, history: Sequence[HistoryRow]) -> None:
    with atomic_path(path) as unfinished, unfinished.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(history[0]))
        writer.writeheader()
        writer.writerows(history)
