"""Write simulated data sets in the challenge's layout, one planet at a time."""

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
TEST_LABELS = "test_labels.csv"
"""Truth of the test planets; the challenge has no such file."""
DATA_FILES = ("train", "test", "train*.csv", "test*.csv", "adc_info.csv")
"""Files and folders of a challenge folder, in either edition."""
QUICK_CADENCE = 24.0
"""Seconds between the samples of light curves that are drawn without frames."""


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

    A full-size planet takes about 300 MB. The truth of the test planets is in
    ``test_labels.csv``, and what gases all planets hold in ``molecules.csv``, beside the files
    that the challenge has.

    Parameters
    ----------
    output_dir : str or Path
        A folder without a data set. The tables are written last, so a folder with tables is
        complete.
    n_train, n_test : int
        Planets of the two splits.
    stars : sequence of int
        0 and 1 are those of 2024; no training used the others.
    molecules : {"known", "unseen", "all"} or sequence of str
        Which gases the planets may hold.
    seed : int
    edition : {2024, 2025}
        Layout and physics; see `draw_planets`.
    n_pairs : int
        AIRS pairs of an observation, 5625 in a real one; the transit shrinks with it.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    ConfigError
        If a number is out of range.
    DataFileError
        If the folder holds a data set already, or the rest of a simulation that was interrupted.
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
    """Write calibrated light curves of planets with known truth, without frames, in seconds.

    The folder holds the tables that `simulate_dataset` writes and, in ``products``, one
    `Observation` for each planet, named as ``ariel-kit calibrate`` names them. It cannot be
    calibrated again, but fitted and learned from.

    Parameters
    ----------
    output_dir, n_train, n_test, stars, molecules, seed, edition
        As in `simulate_dataset`.

    Returns
    -------
    Path
        The folder.

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
        more = f" and {len(held) - 3} more" if len(held) > 3 else ""
        raise DataFileError(
            f"a simulation needs a folder without a data set; {root} holds "
            f"{', '.join(held[:3])}{more}. Delete it or name another folder."
        )
    return root


def write_tables(
    root: Path,
    *,
    train: Sequence[PlanetTruth],
    test: Sequence[PlanetTruth],
    n_pairs: int = AIRS.n_pairs,
) -> None:
    """Write all files of a data set except the planets' folders.

    Parameters
    ----------
    root : Path
        Made when it is not there.
    train, test : sequence of PlanetTruth
        All of one edition, which sets the layout.
    n_pairs : int
        AIRS pairs of an observation.

    Raises
    ------
    ConfigError
        If there is no planet, or there are two editions, or one that never was.
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
            f"a data set needs planets of one edition; got {len(train)} train and {len(test)} test "
            f"planets of editions {sorted(editions)}."
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
        AIRS pairs of the observation.

    Returns
    -------
    Path
        The planet's folder.

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
