"""Find the observations of a folder to learn from, and divide them into folds.

The planets of a fold are fitted together. The last fold is held out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ariel_kit.core.cache import StoredSequence, check_product, fingerprint
from ariel_kit.core.errors import ConfigError, DataFileError
from ariel_kit.core.observation import Observation
from ariel_kit.data.dataset import Labels, read_labels
from ariel_kit.models.card import FIRST_EDITION
from ariel_kit.spectral_extraction.priors import FEWEST_LABELS
from ariel_kit.training.pools.stored import OBSERVED

FOLDS = 5
"""Largest number of folds; fewer planets have a fold each."""


@dataclass(frozen=True)
class Fold:
    """Hold the planets that are fitted together.

    Attributes
    ----------
    name : str
        Part of the name of the pool's file. Other files, labels, seeds or revisions have another.
    observations : StoredSequence of Observation
        One for each visit.
    others : tuple of int
        Planets of all other folds.
    """

    name: str
    observations: StoredSequence[Observation]
    others: tuple[int, ...]


def observed_folds(folder: Path, *, seed: int) -> list[Fold]:
    """Divide all planets of a folder into folds, whether their spectra are known or not.

    Parameters
    ----------
    folder : Path
        Observations, as `ariel-kit calibrate` writes them; subfolders count.
    seed : int
        Of the dealing.

    Returns
    -------
    list of Fold

    Raises
    ------
    DataFileError
        If the folder holds no observation, or one that is damaged, there twice or of another
        revision of the calibration.
    ConfigError
        If there is one planet only.
    """
    folds = _deal(_find_visits(folder), seed=seed)
    if len(folds) < 2:
        raise ConfigError(
            f"learning from observations needs 2 planets, one of them held out; {folder} holds "
            "one. Calibrate more planets, or leave out data.folder."
        )
    return folds


def labelled_folds(folder: Path, labels: Path | None, *, seed: int) -> tuple[list[Fold], Labels]:
    """Divide the labelled planets of a folder into folds.

    Parameters
    ----------
    folder : Path
        As in `observed_folds`.
    labels : Path, optional
        True spectra.
    seed : int
        Of the dealing.

    Returns
    -------
    folds : list of Fold
    truth : Labels
        True spectra of these planets, and perhaps of others.

    Raises
    ------
    DataFileError
        If the folder holds no observation, or a file is damaged, there twice or of another revision
        of the calibration.
    ConfigError
        If there are no labels, or too few for the prior of a fold.
    """
    if labels is None:
        raise ConfigError(
            f"learning from the errors of fits needs true spectra; none are given for {folder}. "
            "Name their table with --labels, or leave out data.folder."
        )
    visits, truth = _find_visits(folder), read_labels(labels)
    known = set(truth.planet_ids.tolist())
    visits = {planet: paths for planet, paths in visits.items() if planet in known}
    folds = _deal(visits, labels, seed=seed)
    fewest = min((len(fold.others) for fold in folds), default=0)
    if fewest < FEWEST_LABELS:
        raise ConfigError(
            f"the prior of a fold needs {FEWEST_LABELS} labels of other folds; {folder} and "
            f"{labels} share {len(visits)} planets, which leaves {fewest}. Calibrate or label "
            "more planets, or leave out data.folder and data.labels."
        )
    return folds, truth


def find_editions(folds: Sequence[Fold]) -> list[int]:
    """List the editions of observations; the first edition where there are none."""
    paths = [path for fold in folds for path in fold.observations.paths]
    years = {Observation.load_meta(path)["edition"] for path in paths}
    return sorted(years) or [FIRST_EDITION]


def _find_visits(folder: Path) -> dict[int, list[Path]]:
    """Find the files of each planet, whose names are those of `ariel_kit.run.products`."""
    paths = [path for split in ("train", "test") for path in folder.rglob(f"{split}_*_*.npz")]
    if not paths:
        raise DataFileError(
            f"{folder} must hold observations (train_7_0.npz and the like); it holds none. Make "
            "them with ariel-kit calibrate and name its output folder."
        )
    name, times = Counter(path.name for path in paths).most_common(1)[0]
    if times > 1:
        raise DataFileError(
            f"{folder} must hold each visit once; {name} is there {times} times, calibrated with "
            "different settings. Name the subfolder of one of them."
        )
    visits: dict[int, list[Path]] = {}
    for path in sorted(paths, key=lambda path: path.name):
        check_product(path)
        visits.setdefault(Observation.load_meta(path)["planet_id"], []).append(path)
    return visits


def _deal(visits: Mapping[int, Sequence[Path]], *labels: Path, seed: int) -> list[Fold]:
    """Divide planets at random; all visits of a planet stay together."""
    planets = np.random.default_rng(seed).permutation(sorted(visits)).tolist()
    files = [*(path for planet in planets for path in visits[planet]), *labels]
    origin = fingerprint(files, OBSERVED)
    folds = []
    for number in range(min(FOLDS, len(planets))):
        own = planets[number::FOLDS]
        paths = [path for planet in own for path in visits[planet]]
        others = tuple(planet for planet in planets if planet not in own)
        folds.append(Fold(f"{seed}-{origin}-{number}", StoredSequence(Observation, paths), others))
    return folds
