"""Simulation of data sets on disk, in the layout of the challenge."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Literal

import numpy as np

from ariel_kit.core.editions import Edition, Year, get_edition
from ariel_kit.core.errors import ConfigError, DataFileError
from ariel_kit.core.instruments import (
    AIRS,
    FGS1,
    N_WAVELENGTHS,
    Instrument,
)
from ariel_kit.core.words import listed
from ariel_kit.data.dataset import Dataset
from ariel_kit.data.writer import (
    MOLECULES,
    STAR_INFO_COLUMNS,
    write_adc_info,
    write_calibration,
    write_frames,
    write_grid,
    write_labels,
    write_molecules,
    write_sample_submission,
    write_shared_adc_info,
    write_star_info,
)
from ariel_kit.simulation.calibration_frames import Detector, draw_detector
from ariel_kit.simulation.detector import expose
from ariel_kit.simulation.lightcurves import (
    STREAM_DETECTOR,
    STREAM_POINTING,
    simulate_observation,
)
from ariel_kit.simulation.optics import foreground, star_image
from ariel_kit.simulation.pointing import draw_pointing
from ariel_kit.simulation.population import ADC_2025, draw_planets
from ariel_kit.simulation.scene import PlanetTruth, column_light

logger = logging.getLogger(__name__)

STREAM_ELECTRONS = {AIRS.name: 5, FGS1.name: 6}
"""Random streams of the electrons of raw frames."""
TEST_LABELS = "test_labels.csv"
"""File of the true spectra of the test planets, which the challenge does not publish."""
DATA_FILES = ("train", "test", "train*.csv", "test*.csv", "adc_info.csv")
"""Names of files and folders of a data set of either edition."""
QUICK_CADENCE = 24.0
"""Cadence, in seconds, of light curves that are drawn without frames."""


def simulate_dataset(
    output_dir: str | Path,
    *,
    n_train: int = 2,
    n_test: int = 2,
    stars: Sequence[int] = (0, 1),
    molecules: Literal["known", "unseen", "all"] | Sequence[str] = "known",
    seed: int = 0,
    edition: Year = 2024,
    n_pairs: int = AIRS.n_pairs,
) -> Path:
    """Write a data set with known truth: raw frames, calibration frames and tables.

    A full-size planet takes about 300 MB. In addition to the challenge's files there are
    ``test_labels.csv`` with the true spectra of the test planets, and ``molecules.csv`` with the
    gases of all planets.

    Parameters
    ----------
    output_dir : str or Path
        Folder to write to, which must not hold a data set yet. The tables are written last, so a
        folder with tables is complete.
    n_train, n_test : int
        Number of planets of the two splits.
    stars : sequence of int
        Numbers of the host stars: 0 and 1 are the stars of 2024; others are simulated stars, which
        no training data contain.
    molecules : {"known", "unseen", "all"} or sequence of str
        Gases that the planets may contain; see `draw_spectra`.
    seed : int
    edition : {2024, 2025}
        Edition whose layout and physics are simulated; see `draw_planets`.
    n_pairs : int
        Number of AIRS pairs of an observation. A real one has 5625; in a shorter one the transit is
        compressed in proportion.

    Returns
    -------
    Path
        Path of the folder.

    Raises
    ------
    ConfigError
        If a number is out of range.
    DataFileError
        If the folder holds a data set already, or a part of an interrupted simulation.
    UnknownNameError
        If a molecule is unknown.

    Examples
    --------
    >>> folder = simulate_dataset(getfixture("tmp_path"), n_train=1, n_test=0, n_pairs=4)
    >>> sorted(path.name for path in folder.iterdir() if path.is_dir())
    ['train']
    >>> (folder / "train_labels.csv").is_file()
    True
    """
    _check_pairs(n_pairs)
    planets = draw_planets(
        n_train + n_test, seed=seed, stars=stars, molecules=molecules, edition=edition
    )
    splits = {"train": planets[:n_train], "test": planets[n_train:]}
    _edition_of(**splits)
    root = _new_folder(output_dir)
    for split, members in splits.items():
        for i, planet in enumerate(members):
            logger.info("simulating %s planet %d of %d", split, i + 1, len(members))
            simulate_planet(root, split, planet, n_pairs=n_pairs)
    write_tables(root, **splits, n_pairs=n_pairs)
    return root


def simulate_observations(
    output_dir: str | Path,
    *,
    n_train: int = 0,
    n_test: int = 0,
    stars: Sequence[int] = (0, 1),
    molecules: Literal["known", "unseen", "all"] | Sequence[str] = "known",
    seed: int = 0,
    edition: Year = 2024,
) -> Path:
    """Write calibrated light curves of planets with known truth, without frames, within seconds.

    The folder contains the tables that `simulate_dataset` writes and, in ``products``, one
    `Observation` for each planet, named as by ``ariel-kit calibrate``. It can be fitted and learned
    from, but it has no frames to calibrate.

    Parameters
    ----------
    output_dir, n_train, n_test, stars, molecules, seed, edition
        As in `simulate_dataset`.

    Returns
    -------
    Path
        Path of the folder.

    Raises
    ------
    ConfigError
        If there is no planet.
    DataFileError
        If the folder holds a data set already.
    UnknownNameError
        If a molecule is unknown.

    Examples
    --------
    >>> folder = simulate_observations(getfixture("tmp_path"), n_train=2)
    >>> len(list(folder.glob("products/train_*_0.npz")))
    2
    """
    planets = draw_planets(
        n_train + n_test, seed=seed, stars=stars, molecules=molecules, edition=edition
    )
    splits = {"train": planets[:n_train], "test": planets[n_train:]}
    _edition_of(**splits)
    root = _new_folder(output_dir)
    (root / "products").mkdir(exist_ok=True)
    for split, members in splits.items():
        for planet in members:
            path = root / "products" / f"{split}_{planet.planet_id}_0.npz"
            simulate_observation(planet, seed=seed, bin_seconds=QUICK_CADENCE).save(path)
    write_tables(root, train=splits["train"], test=splits["test"])
    return root


def _new_folder(path: str | Path) -> Path:
    root = Path(path)
    root.mkdir(parents=True, exist_ok=True)
    held = sorted(path.name for pattern in DATA_FILES for path in root.glob(pattern))
    if held:
        raise DataFileError(
            f"a simulation needs a folder without a data set; {root} holds "
            f"{listed(held)}. Delete it or give another folder."
        )
    return root


def write_tables(
    root: Path,
    *,
    train: Sequence[PlanetTruth],
    test: Sequence[PlanetTruth],
    n_pairs: int = AIRS.n_pairs,
) -> None:
    """Write the tables of a data set, that is everything except the folders of the planets.

    Parameters
    ----------
    root : Path
        Folder of the data set, which is created if it does not exist.
    train, test : sequence of PlanetTruth
        Planets of one edition, which sets the layout.
    n_pairs : int
        Number of AIRS pairs of an observation.

    Raises
    ------
    ConfigError
        If there is no planet, or if the planets are of two editions or of an unknown one.
    """
    edition = _edition_of(train, test)
    root.mkdir(parents=True, exist_ok=True)
    write_grid(root, n_pairs)
    write_sample_submission(root / "sample_submission.csv", [p.planet_id for p in test])
    both = [*train, *test]
    write_molecules(root / MOLECULES, [p.planet_id for p in both], [p.molecules for p in both])
    labels = {"train": edition.train_labels, "test": TEST_LABELS}
    for split, planets in (("train", train), ("test", test)):
        ids = [planet.planet_id for planet in planets]
        depths = np.array([planet.depths for planet in planets]).reshape(-1, N_WAVELENGTHS)
        write_labels(root / labels[split], ids, depths)
        if edition.adc_table is None:
            adcs = {
                instrument.name: [planet.adc(instrument) for planet in planets]
                for instrument in (FGS1, AIRS)
            }
            stars = [planet.star for planet in planets]
            write_adc_info(root / f"{split}_adc_info.csv", ids, adcs, stars)
        else:
            rows = np.array([astuple(p.star_info) for p in planets if p.star_info])
            table = rows.reshape(-1, len(STAR_INFO_COLUMNS))
            columns = dict(zip(STAR_INFO_COLUMNS, table.T, strict=True))
            write_star_info(root / f"{split}_star_info.csv", ids, columns)
    if edition.adc_table is not None:
        write_shared_adc_info(
            root / edition.adc_table, dict.fromkeys((FGS1.name, AIRS.name), ADC_2025)
        )


def _edition_of(train: Sequence[PlanetTruth], test: Sequence[PlanetTruth]) -> Edition:
    editions = {planet.edition for planet in (*train, *test)}
    if len(editions) != 1:
        raise ConfigError(
            f"a data set needs one planet or more, all of one edition; got {len(train)} train and "
            f"{len(test)} test planets of editions {sorted(editions)}."
        )
    return get_edition(editions.pop())


def simulate_planet(
    root: Path, split: str, planet: PlanetTruth, *, n_pairs: int = AIRS.n_pairs
) -> Path:
    """Write the folder of one planet: raw frames and calibration frames of all its visits.

    Parameters
    ----------
    root : Path
        Folder of the data set.
    split : str
    planet : PlanetTruth
    n_pairs : int
        Number of AIRS pairs of the observation.

    Returns
    -------
    Path
        Folder of the planet.

    Raises
    ------
    ConfigError
        If `n_pairs` is not positive.
    """
    _check_pairs(n_pairs)
    for visit in range(planet.n_visits):
        _simulate_visit(root, split, planet.at_visit(visit), n_pairs)
    return root / split / str(planet.planet_id)


def _simulate_visit(root: Path, split: str, planet: PlanetTruth, n_pairs: int) -> None:
    dataset = Dataset(root, get_edition(planet.edition))
    pointing = draw_pointing(planet.rng(STREAM_POINTING), n_pairs)
    for instrument, moments in (
        (AIRS, (pointing.airs_even, pointing.airs_odd)),
        (FGS1, (pointing.fgs1_even, pointing.fgs1_odd)),
    ):
        detector = draw_detector(planet.rng(STREAM_DETECTOR[instrument.name]), instrument)
        frames = _take_frames(planet, instrument, detector, moments)
        where = (split, planet.planet_id, instrument, planet.visit)
        write_frames(dataset.signal_path(*where), frames)
        write_calibration(dataset.calibration_path(*where), detector.calibration)


def _take_frames(
    planet: PlanetTruth,
    instrument: Instrument,
    detector: Detector,
    moments: tuple[np.ndarray, np.ndarray],
) -> np.ndarray:
    time = instrument.pair_times(len(moments[0]))
    span = np.full(len(time), instrument.exposure / 3600)
    hours = len(time) * instrument.cadence / 3600
    light = column_light(planet, instrument, time, span, hours)
    return expose(
        image=star_image(planet.host, instrument),
        steady=foreground(instrument),
        light=light.T,
        column=np.arange(instrument.width),
        moments=moments,
        detector=detector,
        adc=planet.adc(instrument),
        instrument=instrument,
        seed=int(planet.rng(STREAM_ELECTRONS[instrument.name]).integers(2**63)),
        hit_rate=planet.hit_rate,
    )


def _check_pairs(n_pairs: int) -> None:
    if n_pairs < 1:
        raise ConfigError(f"n_pairs must be at least 1; got {n_pairs}.")
