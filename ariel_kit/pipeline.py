"""The line itself: a raw folder in, a valid submission out."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ariel_kit.cache import Cache, StoredSequence, atomic_path, file_sha256
from ariel_kit.config import CalibrationSettings, RunSettings, save_settings, settings_hash
from ariel_kit.dataset import Dataset, find_labels, open_dataset, read_labels
from ariel_kit.instruments import INSTRUMENTS
from ariel_kit.observation import Observation, Spectrum
from ariel_kit.parallel import PlanetFailure, map_planets
from ariel_kit.runtime import (
    Timings,
    available_cores,
    find_place,
    require_memory,
    resolve_jobs,
    versions,
)
from ariel_kit.submission import make_submission

if TYPE_CHECKING:
    from ariel_kit.spectral_extraction import SpectrumPrior

log = logging.getLogger(__name__)

FEWEST_LABELS = 30
"""With fewer training spectra the kit's simulated ones make the better prior."""
PLANET_BYTES = {"normal": 1_300_000_000, "tight": 700_000_000}


@dataclass(frozen=True)
class RunResult:
    """What a run left behind.

    Attributes
    ----------
    submission_path : Path
    spectra : list of Spectrum
        One per planet, in the order of the submission.
    failures : list of PlanetFailure
        Planets that got the safe prior, and why.
    timings : dict
        Seconds per stage.
    products : list of Path
        The calibrated observations, one file per visit.
    prior : SpectrumPrior
        What the fit expected before it saw a light curve.
    """

    submission_path: Path
    spectra: list[Spectrum]
    failures: list[PlanetFailure]
    timings: dict[str, float]
    products: list[Path]
    prior: SpectrumPrior


def run_pipeline(
    data_dir: str | Path,
    output_dir: str | Path,
    *,
    split: str = "test",
    train_labels: str | Path | None = None,
    settings: RunSettings | None = None,
    n_jobs: int = 1,
    backend: str | None = None,
    address: str | None = None,
) -> RunResult:
    """Turn a folder in the challenge's layout into ``submission.csv``.

    A valid file, made of the safe prior, exists before the first planet is read. Calibrated
    planets are kept in ``output_dir / "products"``, so an interrupted run goes on where it was
    and ends in the same bytes.

    Parameters
    ----------
    data_dir, output_dir : path
    split : str
        ``test`` or ``train``.
    train_labels : path, optional
        Labels to learn the prior from: those of `data_dir` when left out, the kit's simulated
        spectra when there are none. Labels of the planets being predicted are never used.
    settings : RunSettings, optional
    n_jobs : int
        Processes; one is often fastest, since the kernels use all cores.
    backend, address : str, optional
        As in `map_planets`, to spread over a cluster.

    Returns
    -------
    RunResult

    Raises
    ------
    DataFileError
        If the folder or the labels cannot be read. A planet that cannot be read is not an error:
        it gets the safe prior and is named in `RunResult.failures`.
    BudgetError
        If there is not enough memory for `n_jobs` planets.
    """
    import torch

    from ariel_kit.spectral_extraction import fit_planets

    settings, timings = settings or RunSettings(), Timings()
    dataset, output = open_dataset(data_dir), Path(output_dir)
    planet_ids = dataset.submission_planets(split)
    output.mkdir(parents=True, exist_ok=True)
    save_settings(settings, output / "settings.yaml")

    with timings.stage("prior"):
        prior = learn_run_prior(dataset, planet_ids, train_labels, settings.seed)
        safe = [prior.fallback(planet, "not measured") for planet in planet_ids]
        make_submission(safe, planet_ids, output / "submission.csv")
    with timings.stage("calibrate"):
        paths, unread = calibrate_planets(
            dataset,
            planet_ids,
            output / "products",
            split=split,
            settings=settings.calibration,
            n_jobs=n_jobs,
            backend=backend,
            address=address,
        )
    # Compiling the kernels can change the number of torch's threads, and that the last bits: a
    # resumed run, which compiles nothing, has to start its fit from the same number.
    torch.set_num_threads(available_cores())
    with timings.stage("fit"):
        observations = StoredSequence(Observation, paths)
        fitted = fit_planets(observations, prior=prior, settings=settings.extraction)
    with timings.stage("write"):
        spectra, unfitted = _one_per_planet(fitted, safe)
        make_submission(spectra, planet_ids, output / "submission.csv")

    failures = unread + unfitted
    if failures:
        log.warning("%d of %d planets got the safe prior", len(failures), len(planet_ids))
    result = RunResult(output / "submission.csv", spectra, failures, dict(timings), paths, prior)
    _record(result, dataset, split, settings)
    return result


def calibrate_planets(
    dataset: Dataset,
    planet_ids: Sequence[int],
    folder: Path,
    *,
    split: str,
    settings: CalibrationSettings,
    n_jobs: int = 1,
    backend: str | None = None,
    address: str | None = None,
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
        If there is not enough memory for `n_jobs` planets.
    """
    jobs = resolve_jobs(n_jobs)
    require_memory(jobs * PLANET_BYTES[settings.memory], f"calibrating {jobs} planet(s) at once")
    cache = Cache(folder, settings, Observation)
    answers = map_planets(
        partial(_calibrate, dataset, split, cache),
        planet_ids,
        n_jobs=n_jobs,
        backend=backend,
        address=address,
        description="calibrate",
    )
    failures = [answer for answer in answers if isinstance(answer, PlanetFailure)]
    for failure in failures:
        log.warning("%s", failure)
    done = [answer for answer in answers if not isinstance(answer, PlanetFailure)]
    return [path for visits in done for path in visits], failures


def _calibrate(
    dataset: Dataset, split: str, cache: Cache[Observation], planet_id: int
) -> list[Path]:
    from ariel_kit.preprocessing import calibrate_planet

    paths = []
    for visit in range(dataset.visits(split, planet_id)):
        name = f"{split}_{planet_id}_{visit}"
        inputs = [dataset.root / f"{split}_adc_info.csv", dataset.root / "adc_info.csv"]
        for instrument in INSTRUMENTS.values():
            inputs.append(dataset.signal_path(split, planet_id, instrument, visit))
            inputs.append(dataset.calibration_path(split, planet_id, instrument, visit))
        make = partial(
            calibrate_planet, dataset, planet_id, split=split, visit=visit, settings=cache.settings
        )
        cache.fetch(name, inputs, make)
        paths.append(cache.path(name))
    return paths


def learn_run_prior(
    dataset: Dataset, planet_ids: Sequence[int], train_labels: str | Path | None, seed: int
) -> SpectrumPrior:
    """The prior of a run; no planet learns from its own label.

    Parameters
    ----------
    dataset : Dataset
    planet_ids : sequence of int
        Planets that will be predicted.
    train_labels : path, optional
        As in `run_pipeline`.
    seed : int
        Of the simulated spectra, where those are needed.

    Returns
    -------
    SpectrumPrior
    """
    from ariel_kit.spectral_extraction import learn_prior, simulated_prior

    path = find_labels(dataset) if train_labels is None else Path(train_labels)
    if path is not None:
        labels = read_labels(path)
        depths = labels.depths[~np.isin(labels.planet_ids, planet_ids)]
        if len(depths) >= FEWEST_LABELS:
            return learn_prior(depths, source=f"{len(depths)} spectra of {path.resolve()}")
        level = logging.WARNING if len(labels.planet_ids) else logging.INFO
        log.log(
            level,
            "%s holds %d labels of other planets, %d are needed: the prior is learned from "
            "simulated spectra instead",
            path,
            len(depths),
            FEWEST_LABELS,
        )
    return simulated_prior(seed)


def _one_per_planet(
    fitted: Sequence[Spectrum], safe: Sequence[Spectrum]
) -> tuple[list[Spectrum], list[PlanetFailure]]:
    """Combine the visits of each planet; one whose visits all failed keeps the safe spectrum."""
    spectra, failures = {spectrum.planet_id: spectrum for spectrum in safe}, []
    visits: dict[int, list[Spectrum]] = {}
    for spectrum in fitted:
        visits.setdefault(spectrum.planet_id, []).append(spectrum)
    for planet, own in visits.items():
        good = [spectrum for spectrum in own if _fault(spectrum) is None]
        if good:
            spectra[planet] = combine_visits(good)
        else:
            failures.append(PlanetFailure(planet, "FitError", f"{_fault(own[0])}."))
    return list(spectra.values()), failures


def _fault(spectrum: Spectrum) -> str | None:
    """Why a fitted spectrum cannot be submitted, or None."""
    fit = spectrum.provenance["fit"]
    if fit["status"] == "fallback":
        return str(fit["reason"])
    finite = np.isfinite(spectrum.mean).all() and np.isfinite(spectrum.sigma).all()
    return None if finite and (spectrum.sigma > 0).all() else "the fit is not finite"


def combine_visits(spectra: Sequence[Spectrum]) -> Spectrum:
    """Average the visits of one planet, each wavelength weighted by its precision.

    The errors of the visits are taken as independent. A single visit is returned as it is.

    Parameters
    ----------
    spectra : sequence of Spectrum
        At least one, all of one planet.

    Returns
    -------
    Spectrum
        Without covariance when several visits were combined.
    """
    first = spectra[0]
    if len(spectra) == 1:
        return first
    precision = np.array([spectrum.sigma**-2.0 for spectrum in spectra])
    mean = np.array([spectrum.mean for spectrum in spectra])
    return Spectrum(
        planet_id=first.planet_id,
        wavelength=first.wavelength,
        mean=(precision * mean).sum(axis=0) / precision.sum(axis=0),
        sigma=precision.sum(axis=0) ** -0.5,
        provenance={**first.provenance, "visits": len(spectra)},
    )


def _record(
    result: RunResult,
    dataset: Dataset,
    split: str,
    settings: RunSettings,
) -> None:
    """Write ``run.json``: what was run, on what, how long it took and what failed."""
    record = {
        "data": str(dataset.root.resolve()),
        "edition": dataset.edition,
        "split": split,
        "planets": len(result.spectra),
        "prior": result.prior.source,
        "settings": settings_hash(settings),
        "place": find_place(),
        "versions": versions(),
        "seconds": {stage: round(seconds, 3) for stage, seconds in result.timings.items()},
        "failures": [asdict(failure) for failure in result.failures],
        "submission_sha256": file_sha256(result.submission_path),
    }
    with atomic_path(result.submission_path.with_name("run.json")) as unfinished:
        unfinished.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
