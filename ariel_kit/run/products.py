"""Calibrated planets as files: made one by one, kept, found again by a run that resumes."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from ariel_kit.core.cache import Cache
from ariel_kit.core.config import CalibrationSettings
from ariel_kit.core.errors import DataFileError
from ariel_kit.core.instruments import AIRS, FGS1, INSTRUMENTS
from ariel_kit.core.observation import Observation
from ariel_kit.core.parallel import PlanetFailure, iter_planets
from ariel_kit.core.pool import HERE, Pool
from ariel_kit.core.runtime import require_memory
from ariel_kit.data.axis_table import read_axis_pairs
from ariel_kit.data.dataset import Dataset

log = logging.getLogger(__name__)

PLANET_BYTES = {"normal": 1_300_000_000, "tight": 700_000_000}


def calibrate_planets(
    dataset: Dataset,
    planet_ids: Sequence[int],
    folder: Path,
    *,
    split: str,
    settings: CalibrationSettings,
    pool: Pool = HERE,
) -> tuple[list[Path], list[PlanetFailure]]:
    """Calibrate every visit of every planet into `folder`; what is there already is kept.

    Returns
    -------
    paths : list of Path
        One `Observation` per visit, planet by planet.
    failures : list of PlanetFailure

    Raises
    ------
    BudgetError
        If there is not enough memory for the planets that are under way at once.
    """
    answers = dict(
        iter_calibrations(
            dataset,
            planet_ids,
            folder,
            total=len(planet_ids),
            split=split,
            settings=settings,
            pool=pool,
        )
    )
    ordered = [answers[planet] for planet in planet_ids]
    failures = [answer for answer in ordered if isinstance(answer, PlanetFailure)]
    done = [answer for answer in ordered if not isinstance(answer, PlanetFailure)]
    return [path for visits in done for path in visits], failures


def iter_calibrations(
    dataset: Dataset,
    planet_ids: Iterable[int],
    folder: Path,
    *,
    total: int,
    split: str,
    settings: CalibrationSettings,
    pool: Pool = HERE,
) -> Iterator[tuple[int, list[Path] | PlanetFailure]]:
    """Calibrate as `calibrate_planets` does, but yield each planet as soon as it is done.

    Yields
    ------
    planet_id : int
    answer : list of Path or PlanetFailure
        One `Observation` per visit, or why there is none; failures are also logged.
    """
    if pool.is_here:
        needed = pool.width * PLANET_BYTES[settings.memory]
        require_memory(needed, f"calibrating {pool.width} planet(s) at once")
    else:  # workers may have been started in another folder
        dataset, folder = replace(dataset, root=dataset.root.absolute()), folder.absolute()
    answers = iter_planets(
        partial(_calibrate, dataset, split, _cache(folder, settings), settings),
        planet_ids,
        total=total,
        pool=pool,
        description="calibrate",
    )
    for _, planet, answer in answers:
        if isinstance(answer, PlanetFailure):
            log.warning("%s", answer)
        yield planet, answer


def stored_visits(
    folder: Path, planet_ids: Iterable[int], *, split: str, settings: CalibrationSettings
) -> dict[int, list[Path]]:
    """Find the calibrated visits of planets in `folder`; planets without any are left out.

    Parameters
    ----------
    folder, split, settings
        As in `iter_calibrations`.
    planet_ids : iterable of int
    """
    cache = _cache(folder, settings)
    found = {}
    for planet in planet_ids:
        first = cache.path(_name(split, planet, 0))
        found[planet] = sorted(first.parent.glob(_name(split, planet, "*") + first.suffix))
    return {planet: paths for planet, paths in found.items() if paths}


def _cache(folder: Path, settings: CalibrationSettings) -> Cache[Observation]:
    return Cache(folder, settings, Observation, ("calibration",))


def _name(split: str, planet_id: int, visit: int | str) -> str:
    """Name the product of a visit."""
    return f"{split}_{planet_id}_{visit}"


def _calibrate(
    dataset: Dataset,
    split: str,
    cache: Cache[Observation],
    settings: CalibrationSettings,
    planet_id: int,
) -> list[Path]:
    paths = []
    for visit in range(dataset.visits(split, planet_id)):
        name = _name(split, planet_id, visit)
        inputs = [dataset.root / f"{split}_adc_info.csv", dataset.root / "adc_info.csv"]
        for instrument in INSTRUMENTS.values():
            inputs.append(dataset.signal_path(split, planet_id, instrument, visit))
            inputs.append(dataset.calibration_path(split, planet_id, instrument, visit))
        make = partial(_make, dataset, planet_id, split=split, visit=visit, settings=settings)
        cache.fetch(name, inputs, make)
        paths.append(cache.path(name))
    return paths


def _make(
    dataset: Dataset, planet_id: int, *, split: str, visit: int, settings: CalibrationSettings
) -> Observation:
    """Calibrate a visit, and refuse one that is not as long as the axis table tells."""
    from ariel_kit.preprocessing import calibrate_planet

    observation = calibrate_planet(dataset, planet_id, split=split, visit=visit, settings=settings)
    told = read_axis_pairs(dataset.root)
    found = {AIRS.name: len(observation.airs), FGS1.name: len(observation.fgs1)}
    for name, pairs in found.items():
        if pairs != told.get(name, pairs):
            raise DataFileError(
                f"planet {planet_id}: {name} must have the {told[name]} pairs of frames that "
                f"axis_info.parquet tells of; got {pairs}. Download the files again."
            )
    return observation
