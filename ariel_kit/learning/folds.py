"""Folds: planets that are predicted together, and the others that are learned from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Fold:
    """Planets that are predicted together, and those that their prior is learned from.

    Attributes
    ----------
    name : str
    groups : dict of int to str
        Planet to group; its keys are the planets of the fold.
    others : tuple of int
        Planets whose labels are learned from: none of the fold, none of its groups.
    """

    name: str
    groups: dict[int, str]
    others: tuple[int, ...]


def share_out(
    groups: Mapping[int, str], folds: int, *, keep_together: bool, seed: int = 0
) -> list[Fold]:
    """Share planets out over folds.

    Parameters
    ----------
    groups : mapping of int to str
        Planet to group.
    folds : int
        At most; one for each group, or for each planet, where there are fewer.
    keep_together : bool
        Whether the planets of a group share a fold; otherwise they are drawn at random.
    seed : int
        Of the random draw.

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
