"""64 test planets in four groups, calibrated once: what the README's tables are measured on.

Where the environment variable ARIEL_KIT_TEST_PLANETS names a folder, calibrated planets are kept
there and found again. Empty it when simulator or calibration have changed.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from ariel_kit.core.observation import Observation
from ariel_kit.data.dataset import Labels, open_dataset
from ariel_kit.preprocessing import calibrate_planet, calibration_warmup
from ariel_kit.simulation import draw_planets, simulate_planet, write_tables
from ariel_kit.simulation.scene import PlanetTruth

CACHE = "ARIEL_KIT_TEST_PLANETS"
PER_GROUP = 16
SEED = 6_626_070
GROUPS = {
    "known stars, known molecules": ((0, 1), "known"),
    "known stars, unseen molecules": ((0, 1), "unseen"),
    "unseen stars, known molecules": ((22, 23), "known"),
    "unseen stars, unseen molecules": ((22, 23), "unseen"),
}
N_TRAINING = 200
TRAINING_SEED = 1


@dataclass
class Measured:
    """Test planets after calibration, in the order of the groups."""

    truths: list[PlanetTruth] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    observations: list[Observation] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    @property
    def depths(self) -> np.ndarray:
        """True spectra [shape=(planet, 283)]."""
        return np.array([truth.depths for truth in self.truths])

    @property
    def labels(self) -> Labels:
        """True spectra by planet."""
        return Labels(np.array([truth.planet_id for truth in self.truths]), self.depths)

    def ids(self, group: str) -> list[int]:
        """The planets of a group."""
        pairs = zip(self.truths, self.groups, strict=True)
        return [truth.planet_id for truth, label in pairs if label == group]


def measure(
    groups: dict[str, tuple[tuple[int, ...], str]], *, per_group: int, seed: int
) -> Measured:
    """Simulate, calibrate, delete: one raw planet on disk at a time."""
    out = Measured()
    calibration_warmup()
    for number, (group, (stars, molecules)) in enumerate(groups.items()):
        for truth in draw_planets(per_group, seed=seed + number, stars=stars, molecules=molecules):
            observation, seconds = kept(truth, f"{seed + number}_{truth.planet_id}")
            out.truths.append(truth)
            out.groups.append(group)
            out.observations.append(observation)
            out.seconds.append(seconds)
    return out


def kept(truth: PlanetTruth, name: str) -> tuple[Observation, float]:
    """As `observe`, but from the folder of calibrated planets where there is one."""
    folder = os.environ.get(CACHE)
    path = Path(folder) / f"{name}.npz" if folder else None
    if path is not None and path.is_file():
        observation = Observation.load(path)
        return observation, observation.provenance["benchmark"]["seconds"]
    with TemporaryDirectory() as raw:
        observation, seconds = observe(Path(raw), truth)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        observation.with_step("benchmark", {"seconds": seconds}).save(path)
    return observation, seconds


def observe(root: Path, truth: PlanetTruth) -> tuple[Observation, float]:
    """One planet from raw frames to light curves, and how long the calibration took."""
    write_tables(root, train=[], test=[truth])
    simulate_planet(root, "test", truth)
    start = time.perf_counter()
    observation = calibrate_planet(open_dataset(root), truth.planet_id, split="test")
    return observation, time.perf_counter() - start


def training_spectra() -> np.ndarray:
    """200 labels of known stars and molecules, from a seed of their own."""
    planets = draw_planets(N_TRAINING, seed=TRAINING_SEED, stars=(0, 1), molecules="known")
    return np.array([planet.depths for planet in planets])
