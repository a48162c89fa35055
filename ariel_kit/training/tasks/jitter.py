"""The task of TCN-JNet: motion of the telescope as FGS1 and the rows of AIRS measure it.

Simulated at the level of moments, without a frame: 48 shifts in a pair of AIRS, 45 of them in its
exposure, 12 seen by FGS1. White jitter, as in the kit's simulator, is one of several families, so
that the network learns to read the motion from the data and not to expect one kind of motion.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from pydantic import Field
from scipy.signal import lfilter
from torch import Tensor, nn

from ariel_kit.core.instruments import AIRS, FGS1
from ariel_kit.core.revisions import Part
from ariel_kit.jitter_correction.pointing import FRAMES, motion_channels, second_order
from ariel_kit.models.registry import build_model
from ariel_kit.preprocessing.normalize import robust_sigma
from ariel_kit.training.losses import gaussian_nll
from ariel_kit.training.settings import DataSettings, TrainSettings
from ariel_kit.training.task import Batch, DataFacts, refuse_real_data

PER_PAIR = round(AIRS.cadence / FGS1.exposure)
EXPOSED = slice(*(round(time / FGS1.exposure) for time in AIRS.read_times))
SEEN = slice(round(FGS1.read_times[0] / FGS1.exposure), None, PER_PAIR // FRAMES)
FAMILIES = {
    "white": 0.4,
    "wander": 0.12,
    "drift": 0.12,
    "swing": 0.12,
    "bursts": 0.12,
    "none": 0.12,
}
"""Kinds of motion and how often they are drawn; all but the last have white jitter, too."""
VALIDATION_SEED = 20_000


class JitterData(DataSettings):
    """Describe the simulated motion."""

    length: int = Field(256, ge=8, description="AIRS exposures in one sample.")
    validation_batches: int = Field(4, ge=1, description="Held-out batches.")
    validation_size: int = Field(32, ge=1, description="Samples in each of them.")


class TaskSettings(TrainSettings):
    """Settings of this training."""

    data: JitterData = Field(default_factory=JitterData, description="What it learns from.")


class JitterTask:
    """Learn the posterior mean and variance of an exposure's motion from its measurement.

    Parameters
    ----------
    settings : TaskSettings
    """

    name = "tcn_jnet"
    parts: tuple[Part, ...] = ("calibration",)
    """The network reads the pointing and the moments of rows that the calibration measures."""

    def __init__(self, settings: TaskSettings) -> None:
        self.settings = settings

    def prepare(self, folder: Path) -> None:
        """Do nothing, since motion is drawn with each batch."""

    def build(self) -> nn.Module:
        """Build the network with random weights."""
        return build_model(self.name, **self.settings.model)

    def batch(self, rng: np.random.Generator, size: int) -> Batch:
        """Draw observations of random motion."""
        return draw_batch(rng, size, self.settings.data.length)

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Compute the negative log-likelihood of the true moments."""
        answer = model(batch["motion"])
        return gaussian_nll(answer["mean"], answer["log_variance"], batch["moments"])

    def validation(self) -> list[Batch]:
        """Draw motion from a seed that training does not use."""
        data = self.settings.data
        return [
            draw_batch(
                np.random.default_rng([VALIDATION_SEED, k]), data.validation_size, data.length
            )
            for k in range(data.validation_batches)
        ]

    def facts(self) -> DataFacts:
        """Describe the data for the card of the weights."""
        return DataFacts(
            data={"families": {**FAMILIES}, "length": self.settings.data.length},
            limits="Motion between 0.003 and 0.3 FGS1 pixels per frame, whose image is linear or "
            "quadratic in it.",
        )


def make_task(settings: TaskSettings) -> JitterTask:
    """Make the task of these settings.

    Raises
    ------
    ConfigError
        If the settings name real observations, whose true motion is unknown.
    """
    refuse_real_data(settings, "simulated motion", "nobody knows that of an observation")
    return JitterTask(settings)


def draw_batch(rng: np.random.Generator, size: int, length: int) -> Batch:
    """Draw motion, its measurement, and its true moments.

    Parameters
    ----------
    rng : numpy.random.Generator
    size, length : int
        Samples, and AIRS exposures in each.

    Returns
    -------
    dict of str to Tensor
        ``motion`` [shape=(batch, time, 49)], the input of the network, and ``moments``
        [shape=(batch, time, 5)], the truth in units of `Motion.unit`.
    """
    shift = np.stack([draw_shift(rng, length) for _ in range(size)])
    scale = rng.uniform(0.7, 1.3, (size, 1, 2))  # of the measured motion, FGS1 being undersampled
    noise = 10 ** rng.uniform(-3, -1.7, (size, 1, 2))
    true = scale * shift[:, SEEN]
    frames = true + noise * rng.standard_normal(true.shape)
    shift = scale * shift - np.median(true, axis=1, keepdims=True)
    pairs = shift.reshape(size, length, PER_PAIR, 2)[:, :, EXPOSED]
    moments = second_order(pairs).mean(axis=2)
    along_rows = moments[..., [0, 2]] / scale[..., [0, 0]] ** [1, 2]
    motion = motion_channels(
        frames, _draw_flux(rng, true), _draw_row_moments(rng, along_rows), noise[:, 0]
    )
    blur = robust_sigma(true, axis=1) ** 2  # the mean image holds it already
    moments[..., [2, 4]] -= blur[:, None]
    target = moments / motion.unit[:, None]
    return {
        "motion": torch.from_numpy(motion.channels),
        "moments": torch.from_numpy(target.astype(np.float32)),
    }


def draw_shift(rng: np.random.Generator, length: int) -> np.ndarray:
    """Draw one sample of motion, a shift every 0.1 s.

    Parameters
    ----------
    rng : numpy.random.Generator
    length : int
        AIRS exposures.

    Returns
    -------
    ndarray [shape=(step, 2), dtype=float64, unit=pixel]
    """
    n = length * PER_PAIR
    family = rng.choice(list(FAMILIES), p=list(FAMILIES.values()))
    if family == "none":
        return np.zeros((n, 2))
    size = 10 ** rng.uniform(-2.5, -0.5) * rng.uniform(0.7, 1.3, 2)
    white = rng.standard_normal((n, 2))
    extra = 10 ** rng.uniform(-1.0, 0.5) * rng.standard_normal(2)
    if family == "wander":
        memory = np.exp(-(10 ** rng.uniform(-3, 0)))
        fresh = np.sqrt(1 - memory**2) * rng.standard_normal((n, 2))
        return size * (white + extra * lfilter([1.0], [1.0, -memory], fresh, axis=0))
    time = np.arange(n)[:, None]
    if family == "drift":
        return size * (white + extra * np.sqrt(12) * (time / n - 0.5))
    if family == "swing":
        period = 10 ** rng.uniform(0.7, 4)
        phase = rng.uniform(0, 2 * np.pi, 2)
        return size * (white + extra * np.sqrt(2) * np.sin(2 * np.pi * time / period + phase))
    if family == "bursts":
        loud = np.repeat(rng.random((length, 1)) < 0.1, PER_PAIR, axis=0)
        return size * white * np.where(loud, 1 + np.abs(extra), 1.0)
    return size * white


def _draw_flux(rng: np.random.Generator, shift: np.ndarray) -> np.ndarray:
    """Draw the effect of the motion on the flux of FGS1, zero to twice its noise."""
    moments = second_order(shift)
    moments /= moments.std(axis=1, keepdims=True) + 1e-12
    response = rng.uniform(0, 2, (len(shift), 1)) * rng.standard_normal((len(shift), 5)) / 2
    return np.einsum("btm,bm->bt", moments, response) + rng.standard_normal(shift.shape[:2])


def _draw_row_moments(rng: np.random.Generator, along_rows: np.ndarray) -> np.ndarray:
    """Draw row centroid and width of AIRS: the mean shift along y, its mean square, and noise."""
    size = len(along_rows)
    response = rng.uniform((0.4, 0.15), (1.1, 0.5), (size, 2))
    noise = 10 ** rng.uniform(-3.7, -2.5, (size, 2))
    rows = along_rows * response[:, None]
    return rows + noise[:, None] * rng.standard_normal(rows.shape)
