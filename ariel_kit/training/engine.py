"""Update the state of a training: weights, their average, the optimiser.

A step depends only on the seed and its number: its batch and the network's own draws (such as
dropout) come from generators that are made from both. On the CPU, a training that was interrupted
therefore ends in the same bits as one that was not.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from math import cos, inf, pi
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from timm.utils.model_ema import ModelEmaV3
from torch import Tensor, nn

from ariel_kit.core.errors import ConfigError, FitError
from ariel_kit.core.runtime import find_device
from ariel_kit.training.checkpoint import BestWeights, HistoryRow, TrainingState
from ariel_kit.training.settings import LoopSettings, TrainSettings
from ariel_kit.training.task import Batch, Task

log = logging.getLogger(__name__)


def learning_rate(step: int, loop: LoopSettings) -> float:
    """Compute the learning rate of a step: a linear rise, then half a cosine down to 0.

    Examples
    --------
    >>> loop = LoopSettings(steps=110, warmup_steps=10, learning_rate=1.0)
    >>> [round(learning_rate(step, loop), 3) for step in (0, 9, 10, 60, 109)]
    [0.1, 1.0, 1.0, 0.5, 0.0]
    """
    if step < loop.warmup_steps:
        return loop.learning_rate * (step + 1) / loop.warmup_steps
    done = (step - loop.warmup_steps) / max(1, loop.steps - loop.warmup_steps)
    return loop.learning_rate * 0.5 * (1 + cos(pi * done))


def weight_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Divide the weights into matrices, with weight decay, and vectors (biases, norms), without.

    Returns
    -------
    list of dict
        Groups as `torch.optim.Optimizer` takes them.
    """
    parameters = list(model.parameters())
    return [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]


def make_accelerator(loop: LoopSettings) -> Accelerator:
    """Make the engine for these settings, whatever the machine's own accelerate settings say.

    Raises
    ------
    ConfigError
        If the device cannot do what the settings ask for.
    """
    cpu = find_device(loop.device) == "cpu"
    if loop.precision == "fp16" and cpu:
        raise ConfigError("loop.precision fp16 needs a CUDA device; here use bf16 or no.")
    # accelerate keeps its settings for the whole process; every training has its own.
    AcceleratorState._reset_state(reset_partial_state=not torch.distributed.is_initialized())
    accelerator = Accelerator(
        device_placement=True,
        mixed_precision=loop.precision,
        gradient_accumulation_steps=1,
        cpu=cpu,
        rng_types=[],
        log_with=None,
        step_scheduler_with_optimizer=False,
        dynamo_backend="no",
    )
    if loop.batch_size % accelerator.num_processes:
        raise ConfigError(
            f"loop.batch_size must be a multiple of the {accelerator.num_processes} devices; "
            f"got {loop.batch_size}."
        )
    return accelerator


class Training:
    """Hold what changes while a network is trained."""

    def __init__(self, task: Task, settings: TrainSettings, accelerator: Accelerator) -> None:
        self.task, self.settings, self.accelerator = task, settings, accelerator
        torch.manual_seed(settings.seed)
        model = task.build().to(accelerator.device).train()
        # This stands before accelerate wraps the network, so that the average stays in float32.
        self.ema = ModelEmaV3(model, decay=settings.loop.ema_decay, use_warmup=True)
        optimizer = torch.optim.AdamW(weight_groups(model, settings.loop.weight_decay))
        self.model, self.optimizer = accelerator.prepare(model, optimizer)
        self.held_out = [self._moved(batch) for batch in task.validation()]
        self.step = 0
        self.history: list[HistoryRow] = []
        self.best: BestWeights = {"loss": inf, "step": 0, "weights": None}
        self.losses: list[float] = []

    @property
    def finished(self) -> bool:
        """Tell whether all steps are done, or the best validation is too many steps ago."""
        loop = self.settings.loop
        waited = self.step - self.best["step"]
        return self.step >= loop.steps or waited >= loop.patience * loop.validate_every

    def steps(self) -> Iterator[int]:
        """Count through the steps that are left."""
        while not self.finished:
            yield self.step

    def learn(self, step: int) -> None:
        """Draw the batch of a step and update the weights along its gradient."""
        loop, seed, device = self.settings.loop, self.settings.seed, self.accelerator
        batch = self.task.batch(np.random.default_rng([seed, step]), loop.batch_size)
        rank, ranks = device.process_index, device.num_processes
        batch = {name: tensor[rank::ranks] for name, tensor in batch.items()}
        draws = np.random.SeedSequence([seed, step, rank]).generate_state(1, np.uint64)
        torch.manual_seed(int(draws[0]))
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(step, loop)
        loss = self.task.loss(self.model, self._moved(batch)).float()
        self.losses.append(self._finite(loss))
        self.accelerator.backward(loss)
        self.accelerator.clip_grad_norm_(self.model.parameters(), loop.clip_norm)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.step = step + 1
        self.ema.update(self.accelerator.unwrap_model(self.model), step=self.step)

    def validate(self) -> None:
        """Measure the averaged weights on the held-out batches; keep them if they are the best."""
        torch.manual_seed(self.settings.seed)  # should the loss draw: the same each time
        with torch.no_grad():
            sizes = torch.tensor([len(next(iter(batch.values()))) for batch in self.held_out])
            losses = [self.task.loss(self.ema.module, batch).float() for batch in self.held_out]
        shares = (sizes / sizes.sum()).to(self.accelerator.device)
        loss = self._finite((shares * torch.stack(losses)).sum())
        row = HistoryRow(
            step=self.step,
            learning_rate=learning_rate(self.step - 1, self.settings.loop),
            train_loss=sum(self.losses) / len(self.losses),
            validation_loss=loss,
        )
        self.losses.clear()
        self.history.append(row)
        if loss < self.best["loss"]:
            weights = {name: t.cpu().clone() for name, t in self.ema.module.state_dict().items()}
            self.best = {"loss": loss, "step": self.step, "weights": weights}
        log.log(
            logging.INFO if self.accelerator.is_main_process else logging.DEBUG,
            "%s step %d: train %.5g, validation %.5g, best %.5g at step %d",
            *(self.task.name, self.step, row["train_loss"], loss),
            *(self.best["loss"], self.best["step"]),
        )

    def best_model(self) -> nn.Module:
        """Give the network with the best averaged weights, on the CPU."""
        model = self.ema.module.cpu()
        model.load_state_dict(self.best["weights"], strict=True)
        return model

    def state(self) -> TrainingState:
        """Collect what a checkpoint holds."""
        scaler = self.accelerator.scaler
        return {
            "step": self.step,
            "model": self.accelerator.unwrap_model(self.model).state_dict(),
            "ema": self.ema.module.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": None if scaler is None else scaler.state_dict(),
            "best": self.best,
            "history": self.history,
        }

    def restore(self, state: TrainingState) -> None:
        """Restore the state of a checkpoint."""
        self.step, self.best, self.history = state["step"], state["best"], state["history"]
        self.accelerator.unwrap_model(self.model).load_state_dict(state["model"], strict=True)
        self.ema.module.load_state_dict(state["ema"], strict=True)
        self.optimizer.load_state_dict(state["optimizer"])
        if self.accelerator.scaler is not None:
            self.accelerator.scaler.load_state_dict(state["scaler"])

    def _finite(self, loss: Tensor) -> float:
        value = float(self.accelerator.reduce(loss.detach(), reduction="mean"))
        if not np.isfinite(value):
            raise FitError(
                f"the loss of {self.task.name} must stay finite; got {value} after {self.step} "
                "steps: lower loop.learning_rate, or look at the data."
            )
        return value

    def _moved(self, batch: Batch) -> Batch:
        return {name: tensor.to(self.accelerator.device) for name, tensor in batch.items()}
