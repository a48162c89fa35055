"""The task of PhySNet: depth-free residuals with the drift that the joint fit's model missed."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from ariel_kit.core.errors import WeightsError
from ariel_kit.models import load_weights
from ariel_kit.models.card import FIRST_EDITION
from ariel_kit.models.weights import SHIPPED, find_refusal
from ariel_kit.training.losses import student_nll
from ariel_kit.training.pools.blind import STRANGE_SHARE
from ariel_kit.training.task import Batch, DataFacts, refuse_real_data
from ariel_kit.training.tasks.blind import BlindTask, TaskSettings

__all__ = ["PhySNetTask", "TaskSettings", "make_task"]

TEACHER = "ti_mae"
MAP_SHARE = 0.1
"""Weight of the drift map in the loss. The four numbers along the window, which change the depths,
have weight 1."""


class PhySNetTask(BlindTask):
    """Learn the error of the drift model along the window, and its variance."""

    name = "physnet"

    def build(self) -> nn.Module:
        """Build the network, with a pre-trained encoder if the recipe says so."""
        model, source = super().build(), self.settings.pretrained
        if source is not None:
            folder = SHIPPED / TEACHER if source == "default" else Path(source)
            load_weights(model, folder, prefix="encoder.")
        return model

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Compute the negative log-likelihood of the true drift, along the window and over the map.

        The likelihood is Student's t. A step in the light, which no smooth model follows, lies a
        hundred sigma away and would dominate a Gaussian likelihood.
        """
        truth = {name: batch[name] for name in ("true_shift", "true_drift")}
        answer = model(**{name: batch[name] for name in batch if name not in truth})
        window = student_nll(answer["shift"], 2 * answer["log_scale"], truth["true_shift"])
        everywhere = student_nll(answer["drift"], answer["log_variance"], truth["true_drift"])
        return window + MAP_SHARE * everywhere

    def facts(self) -> DataFacts:
        """Describe the data for the card of the weights."""
        return DataFacts(
            data={"planets": len(self.planets), "strange_drifts": STRANGE_SHARE},
            limits="Drifts of the mission's family, exponential ramps, steps and waves of "
            "two to six hours; bins of 144 s over 7.5 hours.",
        )


def make_task(settings: TaskSettings) -> PhySNetTask:
    """Make the task of these settings.

    Raises
    ------
    ConfigError
        If the settings name real observations, whose true drift is unknown.
    WeightsError
        If it should start from the encoder in the package and that is of another revision.
    """
    refuse_real_data(settings, "simulated drifts", "nobody knows that of an observation")
    if settings.pretrained == "default":
        _check_teacher()
    return PhySNetTask(settings)


def _check_teacher() -> None:
    reason = find_refusal(TEACHER, None, edition=FIRST_EDITION)
    if reason is not None:
        raise WeightsError(
            f"PhySNet starts from the encoder of {TEACHER}, but {reason}. Train it first and name "
            "its folder with pretrained=DIR, or train both with --config all."
        )
