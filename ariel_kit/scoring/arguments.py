"""Convert the arguments of `score`, in any of their forms, to checked arrays."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ariel_kit.core.errors import SubmissionError
from ariel_kit.data.dataset import SIGMA_COLUMNS, Labels, read_labels
from ariel_kit.data.submission import submission_arrays

log = logging.getLogger(__name__)


def read_prediction(submission: Any) -> tuple[list[int] | None, np.ndarray, np.ndarray]:
    """Give planet ids, where there are any, mean and sigma [shape=(planet, 283)]."""
    if isinstance(submission, tuple):
        mean, sigma = (np.asarray(values, dtype=np.float64) for values in submission)
        return None, mean, sigma
    if not isinstance(submission, Sequence) or isinstance(submission, str):
        return submission_arrays(submission)
    spectra = list(submission)
    ids = [spectrum.planet_id for spectrum in spectra]
    mean, sigma = (np.array([getattr(s, name) for s in spectra]) for name in ("mean", "sigma"))
    return ids, mean, sigma


def refuse_swapped(solution: Any, submission: Any) -> None:
    """Refuse a submission and true spectra that were given in the wrong order."""
    first = isinstance(solution, tuple) or _has_sigma(solution)
    first = first or (isinstance(solution, Sequence) and not isinstance(solution, str))
    if first or isinstance(submission, Labels):
        raise SubmissionError(
            "the submission, which has sigmas, was given where the true spectra belong, and the "
            "true spectra where the submission belongs. Swap the two."
        )


def _has_sigma(table: Any) -> bool:
    """Tell whether a table, or the CSV file of this name, has a column of sigmas."""
    if isinstance(table, str | Path):
        if not Path(table).is_file():
            return False
        with Path(table).open(encoding="utf-8", errors="replace") as file:
            return SIGMA_COLUMNS[0] in file.readline().strip().split(",")
    return SIGMA_COLUMNS[0] in getattr(table, "columns", ())


def read_truth(solution: Any, ids: list[int] | None, n_rows: int) -> tuple[np.ndarray, int]:
    """Give the true depths of `ids` [shape=(planet, 283)], and how many planets are left over."""
    if isinstance(solution, np.ndarray):
        return solution.astype(np.float64), 0
    if not isinstance(solution, Labels):
        solution = read_labels(solution)
    if ids is None:
        return solution.depths, 0
    unknown = sorted(set(ids) - set(solution.planet_ids.tolist()))
    if unknown:
        raise SubmissionError(
            f"every planet of a submission needs a true spectrum; {len(unknown)} have none, "
            f"the first is {unknown[0]}. Score against the labels of the same split."
        )
    n_unscored = len(solution.planet_ids) - len(set(ids))
    if n_unscored:
        log.warning("%d planets of the solution are not in the submission", n_unscored)
    return solution.of(ids), n_unscored


def refuse_bad_values(mean: np.ndarray, sigma: np.ndarray) -> None:
    """Raise `SubmissionError` for values that the hosts' metric refuses."""
    for name, values in (("mean", mean), ("sigma", sigma)):
        for what, bad in (("finite", ~np.isfinite(values)), ("at least 0", values < 0)):
            if bad.any():
                raise SubmissionError(
                    f"every {name} of a submission must be {what}; {int(bad.sum())} are not, "
                    f"the first in row {int(np.argmax(bad.any(axis=1)))}."
                )
