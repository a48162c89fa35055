"""Find problems that would stop a long run, before it starts."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from ariel_kit.core.config import RunSettings
from ariel_kit.core.errors import ArielKitError, shortened
from ariel_kit.core.instruments import INSTRUMENTS
from ariel_kit.core.runtime import address_space, available_cores, find_place, licences, versions
from ariel_kit.core.words import counted
from ariel_kit.data.calibration_maps import CALIBRATION_MAPS
from ariel_kit.data.dataset import Dataset, find_labels, open_dataset, read_labels
from ariel_kit.run.products import PLANET_BYTES

COPYLEFT = re.compile(r"\b(A?GPL|GNU (Affero )?General Public)", re.IGNORECASE)
"""Licences of packages that only tests may use."""
PARQUET_MAGIC = b"PAR1"
LEAST_ADDRESS_SPACE = 5e9
"""Bytes of address space: torch and numba map 3 GB, and a planet needs the rest."""
PRODUCT_BYTES = 8_000_000
"""Bytes of one calibrated observation on disk."""


@dataclass(frozen=True)
class Finding:
    """One line of the examination.

    Attributes
    ----------
    name : str
    ok : bool
    detail : str
        What was found, and what to do when it is not ok.
    """

    name: str
    ok: bool
    detail: str


def examine(
    data_dir: str | Path | None = None,
    *,
    split: str = "test",
    settings: RunSettings | None = None,
    models_dir: str | Path | None = None,
) -> list[Finding]:
    """Check machine and data, take one planet through the line, project the time of all.

    Parameters
    ----------
    data_dir : path, optional
        Without it only the machine is looked at.
    split : str
    settings : RunSettings, optional
    models_dir : path, optional
        Own weights of the learned stages, as in `run_pipeline`.

    Returns
    -------
    list of Finding
    """
    settings = settings or RunSettings()
    findings = list(_machine(settings))
    if data_dir is None:
        return findings
    try:
        dataset = open_dataset(data_dir)
        dataset.check(split)
        planet_ids = dataset.submission_planets(split)
    except ArielKitError as error:
        return [*findings, Finding("data", False, str(error))]
    findings += _data(dataset, planet_ids, split)
    return [*findings, _one_planet(dataset, planet_ids, split, settings, models_dir)]


def _machine(settings: RunSettings) -> Iterator[Finding]:
    found = versions()
    missing = [name for name, number in found.items() if number == "not installed"]
    listed = ", ".join(f"{name} {number}" for name, number in found.items())
    yield Finding("versions", not missing, listed)
    yield _licences()
    yield Finding("place", True, find_place())
    yield Finding("cores", True, str(available_cores()))
    free, needed = psutil.virtual_memory().available, PLANET_BYTES[settings.calibration.memory]
    detail = f"{free / 1e9:.1f} GB free, {needed / 1e9:.1f} GB needed per process"
    if (space := address_space()) < LEAST_ADDRESS_SPACE:
        detail += (
            f"; ulimit -v allows {space / 1e9:.1f} GB of address space, and libraries and a planet "
            f"need {LEAST_ADDRESS_SPACE / 1e9:.0f} GB: raise it"
        )
        free = 0
    yield Finding("memory", free > needed, detail)
    yield _gpu()


def _licences() -> Finding:
    """Name the licence of each package that the kit needs; none may ask to share the kit's code."""
    found = licences()
    strict = [name for name, licence in found.items() if COPYLEFT.search(licence)]
    listed = "; ".join(f"{name} {licence}" for name, licence in found.items())
    refused = f"; {', '.join(strict)} must not be needed by a kit of MIT licence" if strict else ""
    return Finding("licences", not strict, listed + refused)


def _gpu() -> Finding:
    try:
        import torch
    except (ImportError, MemoryError) as error:  # as where a limit leaves no room for it
        return Finding("gpu", False, f"torch cannot be loaded: {shortened(str(error))}")
    found = torch.cuda.is_available()
    name = torch.cuda.get_device_name() if found else "none; everything runs on the CPU"
    return Finding("gpu", True, name)


def _data(dataset: Dataset, planet_ids: list[int], split: str) -> Iterator[Finding]:
    planets = counted(len(planet_ids), "planet")
    detail = f"{dataset.root}: {dataset.edition.year} layout, {planets} in {split}"
    yield Finding("data", True, detail)
    yield _labels(dataset, planet_ids)
    wanted = [path for planet in planet_ids for path in _frames(dataset, split, planet)]
    bad = [path for path in wanted if not _is_parquet(path)]
    detail = f"{len(wanted) - len(bad)} of {len(wanted)} frame files are there and whole"
    yield Finding("files", not bad, detail + (f"; not {bad[0]}" if bad else ""))
    free, needed = shutil.disk_usage(Path.cwd()).free, PRODUCT_BYTES * len(planet_ids)
    detail = f"{free / 1e9:.1f} GB free here, {needed / 1e9:.1f} GB needed for products"
    yield Finding("disk", free > needed, detail)


def _labels(dataset: Dataset, planet_ids: list[int]) -> Finding:
    from ariel_kit.spectral_extraction.priors import FEWEST_LABELS

    path = find_labels(dataset)
    if path is None:
        return Finding("labels", True, "none; the prior comes from simulated spectra")
    try:
        labelled = read_labels(path).planet_ids
    except ArielKitError as error:
        return Finding("labels", False, str(error))
    n = int((~np.isin(labelled, planet_ids)).sum())  # nothing learns from a planet's own label
    few = f", fewer than {FEWEST_LABELS}: the prior comes from simulated spectra"
    detail = f"{path}: {counted(n, 'other planet')}{few if n < FEWEST_LABELS else ''}"
    return Finding("labels", True, detail)


def _frames(dataset: Dataset, split: str, planet: int) -> Iterator[Path]:
    """List the files of all visits of a planet."""
    for visit in range(dataset.visits(split, planet)):
        for instrument in INSTRUMENTS.values():
            yield dataset.signal_path(split, planet, instrument, visit)
            folder = dataset.calibration_path(split, planet, instrument, visit)
            yield from (folder / f"{name}.parquet" for name in CALIBRATION_MAPS)


def _is_parquet(path: Path) -> bool:
    """Check that a file begins and ends as parquet does; half a download has no end."""
    if not path.is_file() or path.stat().st_size < 2 * len(PARQUET_MAGIC):
        return False
    with path.open("rb") as file:
        first = file.read(len(PARQUET_MAGIC))
        file.seek(-len(PARQUET_MAGIC), os.SEEK_END)
        return first == file.read() == PARQUET_MAGIC


def _one_planet(
    dataset: Dataset,
    planet_ids: list[int],
    split: str,
    settings: RunSettings,
    models_dir: str | Path | None,
) -> Finding:
    from ariel_kit.preprocessing import calibrate_planet, calibration_warmup
    from ariel_kit.run.line import load_line
    from ariel_kit.spectral_extraction import simulated_prior

    calibration_warmup()
    prior, planet = simulated_prior(settings.seed), planet_ids[0]
    try:
        line = load_line(settings, models_dir, edition=dataset.edition.year)
        for _ in range(2):  # the first pass also loads libraries; the second is timed
            start = time.perf_counter()
            observation = calibrate_planet(
                dataset, planet, split=split, settings=settings.calibration
            )
            (spectrum,) = line([observation], prior)
            seconds = time.perf_counter() - start
    except ArielKitError as error:
        return Finding("one planet", False, str(error))
    hours = seconds * len(planet_ids) / 3600
    detail = (
        f"planet {planet} took {seconds:.1f} s; {counted(len(planet_ids), 'planet')} would take "
        f"{hours:.2f} of the {settings.budget.hours:g} hours there are (budget.hours)"
    )
    if spectrum.fit is None:
        reason = spectrum.provenance["fit"]["reason"]
        return Finding("one planet", False, f"the fit failed: {reason}; {detail}")
    return Finding("one planet", hours < settings.budget.hours, detail)
