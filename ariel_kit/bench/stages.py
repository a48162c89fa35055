"""What each stage costs a planet, from raw frames to a submission."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import numpy as np
import polars as pl

from ariel_kit import preprocessing
from ariel_kit.bench.memory import Cost, measured
from ariel_kit.bench.recipe import calibrate_plainly
from ariel_kit.core.cache import StoredSequence
from ariel_kit.core.config import RunSettings
from ariel_kit.core.instruments import INSTRUMENTS
from ariel_kit.core.observation import Observation
from ariel_kit.core.passes import Passes, StoredBatch
from ariel_kit.data.dataset import Dataset
from ariel_kit.pipeline import run_pipeline
from ariel_kit.run.budget import cheaper
from ariel_kit.run.line import load_line
from ariel_kit.spectral_extraction import simulated_prior

State = TypeVar("State")
Result = TypeVar("Result")

ROUNDS = 3
"""How often reading and calibration are timed; the least counts, for other work only adds."""


@dataclass(frozen=True)
class StageCost:
    """Cost of one stage.

    Attributes
    ----------
    name : str
    seconds : float
        Seconds per planet.
    megabytes : float
        Largest resident memory while it ran.
    """

    name: str
    seconds: float
    megabytes: float


@dataclass(frozen=True)
class StageCosts:
    """Costs of all stages, and of plain ways to do the same.

    Attributes
    ----------
    planets : int
        Number of planets that were measured.
    stages : list of StageCost
        Calibration first, then the quick answer of the draft, then the passes of the fit.
    reading : StageCost
        Reading the two files of a planet with polars.
    recipe : StageCost or None
        The usual recipe of calibration; None if it was left out.
    whole : StageCost
        From the raw folder to the submission.
    """

    planets: int
    stages: list[StageCost]
    reading: StageCost
    recipe: StageCost | None
    whole: StageCost

    @property
    def ratios(self) -> dict[str, float]:
        """Give the ratios that do not depend on the machine.

        Returns
        -------
        dict of str to float
            ``calibration over reading``, ``whole over reading`` and, if the usual recipe was
            measured, ``recipe over calibration``.
        """
        calibration = self.stages[0].seconds
        found = {
            "calibration over reading": calibration / self.reading.seconds,
            "whole over reading": self.whole.seconds / self.reading.seconds,
        }
        if self.recipe is not None:
            found["recipe over calibration"] = self.recipe.seconds / calibration
        return found

    def table(self) -> str:
        """Lay the costs out as text."""
        total = sum(stage.seconds for stage in self.stages)
        lines = [f"{'stage':<26} {'s a planet':>10} {'planets/s':>10} {'share':>6} {'peak MB':>8}"]
        lines += [
            f"{_row(stage)} {stage.seconds / total:>6.0%} {stage.megabytes:>8.0f}"
            for stage in self.stages
        ]
        around = [self.whole, self.reading, *([] if self.recipe is None else [self.recipe])]
        lines += [f"{_row(stage)} {'':>6} {stage.megabytes:>8.0f}" for stage in around]
        return "\n".join([*lines, *(f"{name}: {ratio:.2f}" for name, ratio in self.ratios.items())])


def _row(stage: StageCost) -> str:
    return f"{stage.name:<26} {stage.seconds:>10.3f} {1 / stage.seconds:>10.2f}"


@dataclass(frozen=True)
class _Watched(Passes):
    """Passes of a fit in this process, each measured."""

    costs: dict[str, Cost] = field(default_factory=dict)

    def _map(
        self,
        task: Callable[[StoredBatch[State]], Result],
        batches: Sequence[StoredBatch[State]],
        name: str,
    ) -> list[Result]:
        with measured() as cost:
            told = super()._map(task, batches, name)
        before = self.costs.setdefault(name, Cost())
        before.seconds += cost.seconds
        before.megabytes = max(before.megabytes, cost.megabytes)
        return told


def measure_stages(
    dataset: Dataset, split: str, *, settings: RunSettings | None = None, recipe: bool = True
) -> StageCosts:
    """Measure each stage on the planets of a split, in this process.

    Kernels are compiled and networks are loaded before anything is measured.

    Parameters
    ----------
    dataset : Dataset
    split : str
    settings : RunSettings, optional
    recipe : bool
        Whether the usual recipe is measured, too: it takes half a minute and 5 GB of memory.

    Returns
    -------
    StageCosts
    """
    settings, planets = settings or RunSettings(), dataset.planets(split)
    line = load_line(settings, edition=dataset.edition.year)
    quick = load_line(cheaper(settings), edition=dataset.edition.year)
    prior = simulated_prior(settings.seed)
    paths = [
        [dataset.signal_path(split, planet, one, 0) for one in INSTRUMENTS.values()]
        for planet in planets
    ]
    preprocessing.calibration_warmup()
    reading = _least(
        "reading with polars", lambda i: [pl.read_parquet(p) for p in paths[i]], planets
    )
    calibration = _least(
        "calibration",
        lambda i: preprocessing.calibrate_planet(dataset, planets[i], split=split),
        planets,
    )
    with TemporaryDirectory() as folder:
        stored = _stored(dataset, planets, split, Path(folder) / "products")
        line(stored, prior), quick(stored[:1], prior)
        watched = _Watched()
        line(stored, prior, watched)
        with measured() as draft:
            quick(stored, prior)
        with measured() as whole:
            run_pipeline(dataset.root, Path(folder) / "run", split=split, settings=settings)
    n = len(planets)
    fit = [StageCost(name, c.seconds / n, c.megabytes) for name, c in watched.costs.items()]
    plain = None
    if recipe:
        with measured() as cost:
            calibrate_plainly(dataset, planets[0], split)
        plain = StageCost("usual recipe", cost.seconds, cost.megabytes)
    return StageCosts(
        n,
        [calibration, StageCost("quick answer", draft.seconds / n, draft.megabytes), *fit],
        reading,
        plain,
        StageCost("raw folder to submission", whole.seconds / n, whole.megabytes),
    )


def _least(name: str, work: Callable[[int], object], planets: Sequence[int]) -> StageCost:
    """Measure work on each planet in rounds; give the mean of the least."""
    work(0)
    seconds, megabytes = [], 0.0
    for place in range(len(planets)):
        costs = []
        for _ in range(ROUNDS):
            with measured() as cost:
                work(place)
            costs.append(cost)
        seconds.append(min(cost.seconds for cost in costs))
        megabytes = max(megabytes, *(cost.megabytes for cost in costs))
    return StageCost(name, float(np.mean(seconds)), megabytes)


def _stored(
    dataset: Dataset, planets: Sequence[int], split: str, folder: Path
) -> StoredSequence[Observation]:
    folder.mkdir()
    paths = [folder / f"{planet}.npz" for planet in planets]
    for planet, path in zip(planets, paths, strict=True):
        preprocessing.calibrate_planet(dataset, planet, split=split).save(path)
    return StoredSequence(Observation, paths)
