"""Raw planets of 2025, simulated and calibrated in lots: the frames of one lot on disk at a time.

Where the environment variable ARIEL_KIT_TEST_PLANETS names a folder, calibrated visits are kept
there and found again. Empty it when simulator or calibration have changed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from ariel_kit.core.config import CalibrationSettings
from ariel_kit.data.dataset import open_dataset
from ariel_kit.run.products import calibrate_planets, stored_visits
from ariel_kit.simulation import draw_planets, simulate_dataset
from ariel_kit.simulation.scene import PlanetTruth
from tests.support.scored_planets import CACHE

LOT = 4
SETTINGS = CalibrationSettings()


@dataclass(frozen=True)
class RawLot:
    """Planets of one simulated data set after calibration.

    Attributes
    ----------
    planets : list of PlanetTruth
    products : list of Path
        One for each visit.
    seconds : float
        That their calibration took; 0 where the products were there already.
    """

    planets: list[PlanetTruth]
    products: list[Path]
    seconds: float


@contextmanager
def products_folder() -> Iterator[Path]:
    """Give the folder in which calibrated visits are kept, or one that goes away."""
    if folder := os.environ.get(CACHE):
        yield Path(folder) / "edition_2025"
        return
    with TemporaryDirectory() as temporary:
        yield Path(temporary)


def calibrated_lot(folder: Path, seed: int) -> RawLot:
    """Simulate `LOT` planets as ``ariel-kit simulate`` does, calibrate them, delete the frames."""
    planets = draw_planets(LOT, seed=seed, edition=2025)
    ids = [planet.planet_id for planet in planets]
    stored = stored_visits(folder, ids, split="test", settings=SETTINGS)
    if all(len(stored.get(planet.planet_id, [])) == planet.n_visits for planet in planets):
        return RawLot(planets, [path for own in ids for path in stored[own]], 0.0)
    with TemporaryDirectory() as raw:
        simulate_dataset(raw, n_train=0, n_test=LOT, seed=seed, edition=2025)
        dataset = open_dataset(raw)
        began = time.perf_counter()
        paths, failures = calibrate_planets(dataset, ids, folder, split="test", settings=SETTINGS)
        seconds = time.perf_counter() - began
    if failures:
        raise RuntimeError(f"calibration failed: {failures}")
    return RawLot(planets, paths, seconds)
