"""Make folds: which planets are predicted together, and which ones their prior is learned from."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from typing import Literal

import numpy as np
import polars as pl

from ariel_kit.core.errors import ConfigError, DataFileError
from ariel_kit.data.dataset import Dataset, Labels
from ariel_kit.data.tables import read_planets
from ariel_kit.data.writer import MOLECULES
from ariel_kit.learning.folds import Fold, share_out
from ariel_kit.spectral_extraction.priors import FEWEST_LABELS

log = logging.getLogger(__name__)

GroupBy = Literal["star", "random", "molecule"]
NO_MOLECULE = "none"


def make_folds(
    dataset: Dataset,
    truth: Labels,
    split: str,
    *,
    folds: int,
    group_by: GroupBy,
    seed: int = 0,
) -> list[Fold]:
    """Distribute labelled planets over folds; see `cross_validate`."""
    ids = truth.planet_ids
    if group_by == "molecule":
        return list(_molecule_folds(dataset, ids.tolist()))
    groups = _stars(dataset, split, ids) if group_by == "star" else ids.astype(str)
    n_folds = min(folds, len(set(groups)))
    if n_folds < 2:
        raise ConfigError(
            f"cross-validation needs at least 2 folds and 2 groups; got {folds} and "
            f"{len(set(groups))}. Without a second star, fold with --group-by random."
        )
    named = dict(zip(ids.tolist(), groups.tolist(), strict=True))
    return share_out(named, n_folds, keep_together=group_by == "star", seed=seed)


def read_molecules(dataset: Dataset) -> dict[int, tuple[str, ...]]:
    """Read which gases each planet holds, as the simulator wrote it down.

    Raises
    ------
    DataFileError
        If the data set does not say.
    """
    path = dataset.root / MOLECULES
    if not path.is_file():
        raise DataFileError(
            f"{path} is missing: which molecules a planet holds is known of planets that "
            "ariel-kit simulate made. Fold others with --group-by star or random."
        )
    table = read_planets(path).with_columns(pl.col("molecules").cast(pl.String).fill_null(""))
    return {planet: tuple(gases.split()) for planet, gases in table.iter_rows()}


def _stars(dataset: Dataset, split: str, ids: np.ndarray) -> np.ndarray:
    stars = [dataset.star(split, planet) for planet in ids.tolist()]
    return np.array([str(i if s is None else s) for i, s in zip(ids.tolist(), stars, strict=True)])


def _molecule_folds(dataset: Dataset, ids: list[int]) -> Iterator[Fold]:
    """Make one fold for each molecule that enough planets lack."""
    gases = read_molecules(dataset)
    count = Counter(gas for planet in ids for gas in gases[planet])
    left_out = {gas for gas, holders in count.items() if len(ids) - holders >= FEWEST_LABELS}
    if not left_out:
        raise ConfigError(
            f"a molecule can be left out where {FEWEST_LABELS} planets lack it; got "
            f"{len(ids)} planets of {dict(count)}. Simulate more planets or other molecules."
        )
    if everywhere := sorted(set(count) - left_out):
        log.warning("too few planets to learn from lack %s: never left out", ", ".join(everywhere))
    group = {
        planet: min(left_out & set(gases[planet]), key=lambda g: (count[g], g), default=NO_MOLECULE)
        for planet in ids
    }
    for name in sorted(set(group.values())):
        inside = {planet: name for planet in ids if group[planet] == name}
        others = (p for p in ids if p not in inside and name not in gases[p])
        yield Fold(name, inside, tuple(others))


def list_members(folds: list[Fold]) -> list[tuple[int, str, str]]:
    """List planet, fold and group of each planet."""
    return [(planet, f.name, group) for f in folds for planet, group in f.groups.items()]


def list_parts(folds: list[Fold]) -> Iterator[tuple[str, str, list[int]]]:
    """List kind, name and planets of each fold, and of each group of more than one planet."""
    for fold in folds:
        yield "fold", fold.name, list(fold.groups)
    group = {planet: name for fold in folds for planet, name in fold.groups.items()}
    names = sorted(set(group.values()))
    if len(names) < len(group):
        for name in names:
            yield "group", name, [planet for planet, own in group.items() if own == name]
