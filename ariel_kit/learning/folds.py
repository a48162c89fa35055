"""Cross-validation folds of planets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Fold:
    """Planets that are predicted together, and the planets to learn from for that.

    Attributes
    ----------
    name : str
        Name of the fold, for tables and logs.
    groups : dict of int to str
        Group of each planet of the fold, by planet id.
    others : tuple of int
        Planets outside the fold, whose labels may be learned from.
    """

    name: str
    groups: dict[int, str]
    others: tuple[int, ...]


def share_out(
    groups: Mapping[int, str], folds: int, *, keep_together: bool, seed: int = 0
) -> list[Fold]:
    """Distribute planets over folds.

    Parameters
    ----------
    groups : mapping of int to str
        Group of each planet, by planet id.
    folds : int
        Largest number of folds. There are fewer where there are fewer groups (with
        `keep_together`) or fewer planets.
    keep_together : bool
        Whether the planets of a group share a fold; otherwise planets are drawn at random.
    seed : int
        Seed of the random draw.

    Examples
    --------
    >>> parts = share_out({1: "a", 2: "b", 3: "a"}, 2, keep_together=True)
    >>> [(list(fold.groups), fold.others) for fold in parts]
    [([1, 3], (2,)), ([2], (1, 3))]
    """
    from sklearn.model_selection import GroupKFold, KFold

    ids, names = np.array(list(groups)), np.array(list(groups.values()))
    folds = min(folds, len(set(groups.values())) if keep_together else len(ids))
    if keep_together:
        cuts = GroupKFold(folds).split(ids, groups=names)
    else:
        cuts = KFold(folds, shuffle=True, random_state=seed).split(ids)
    return [
        Fold(
            name=str(number),
            groups=dict(zip(ids[inside].tolist(), map(str, names[inside]), strict=True)),
            others=tuple(ids[outside].tolist()),
        )
        for number, (outside, inside) in enumerate(cuts)
    ]
