"""The bare metric of the challenge, both editions, on numpy arrays or torch tensors alike.

Source: the hosts' metric of the Ariel Data Challenge 2024 (one global ratio of log-likelihoods)
and 2025 (a weighted mean of the ratios of all elements).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ariel_kit.core.editions import Metric, get_edition
from ariel_kit.core.instruments import N_WAVELENGTHS

SIGMA_FLOOR = 1e-15


class Reference(NamedTuple):
    """The score's zero: one mean and one sigma for every planet and wavelength."""

    mean: float
    sigma: float


def log_likelihood_score(
    truth: Any,
    mean: Any,
    sigma: Any,
    *,
    edition: int = 2024,
    reference: Reference | None = None,
) -> Any:
    """Compute the bare metric, not clipped, on numpy arrays or on torch tensors alike.

    On tensors it is differentiable with respect to `mean` and `sigma`.

    Parameters
    ----------
    truth, mean, sigma : ndarray or Tensor [shape=(planet, 283), dtype=float64]
    edition : int
        2024 or 2025.
    reference : Reference, optional
        As in `score`.

    Returns
    -------
    scalar of the inputs' kind
        1 for the truth with the ideal sigma, 0 for the reference.

    Raises
    ------
    ConfigError
        If the edition is unknown.

    Examples
    --------
    >>> truth = np.full((2, 283), 0.004)
    >>> float(log_likelihood_score(truth, truth, np.full((2, 283), 2e-5)).round(3))
    0.874
    """
    metric = get_edition(edition).metric
    return score_columns(
        truth, mean, sigma, slice(None), metric, choose_reference(metric, reference, truth)
    )


def score_columns(
    truth: Any, mean: Any, sigma: Any, columns: Any, metric: Metric, zero: Reference
) -> Any:
    """Score the wavelengths that `columns` picks of the 283.

    Parameters
    ----------
    truth, mean, sigma : ndarray or Tensor [shape=(planet, column), dtype=float64]
        Those wavelengths alone.
    columns : slice, or ndarray [shape=(283,), dtype=bool]
        Which wavelengths they are.
    metric : Metric
    zero : Reference
    """
    gain, weight = score_terms(truth, mean, sigma, columns, metric, zero)
    return gain.sum() / weight.sum()


def score_terms(
    truth: Any, mean: Any, sigma: Any, columns: Any, metric: Metric, zero: Reference
) -> tuple[Any, Any]:
    """Take the score apart: that of any part of the table is ``sum(gain) / sum(weight)``.

    Parameters
    ----------
    truth, mean, sigma, columns, metric, zero
        As in `score_columns`.

    Returns
    -------
    gain, weight : of the inputs' kind
        One number for each planet and wavelength.
    """
    weights = _fgs1_first(metric.fgs1_weight, 1.0)[columns]
    ideal_sigma = _fgs1_first(metric.fgs1_ideal_sigma, metric.ideal_sigma)[columns]
    xp, (weights, ideal_sigma, zero_sigma) = _namespace(sigma, weights, ideal_sigma, zero.sigma)
    least = _log_density(xp, truth - zero.mean, zero_sigma)
    gain = _log_density(xp, truth - mean, xp.clip(sigma, SIGMA_FLOOR, None)) - least
    most = _log_density(xp, 0.0 * truth, ideal_sigma) - least
    if metric.per_element:
        return gain / most * weights, weights + 0.0 * truth
    return gain, most


def _log_density(xp: Any, error: Any, sigma: Any) -> Any:
    # The constant -log(2 pi) / 2 cancels in every difference above.
    return -0.5 * (error / sigma) ** 2 - xp.log(sigma)


def _namespace(like: Any, *constants: Any) -> tuple[Any, list[Any]]:
    """Find the array module of `like`, and convert float64 constants to its arrays."""
    arrays = [np.asarray(constant, dtype=np.float64) for constant in constants]
    if isinstance(like, np.ndarray):
        return np, arrays
    import torch  # only a caller who has tensors gets here

    return torch, [torch.as_tensor(array, device=like.device) for array in arrays]


def choose_reference(metric: Metric, reference: Reference | None, truth: Any) -> Reference:
    """Give the score's zero: the caller's, else that of the hosts, else that of the true depths."""
    if reference is not None:
        return reference
    if metric.reference is not None:
        return Reference(*metric.reference)
    return Reference(float(truth.mean()), float(((truth - truth.mean()) ** 2).mean() ** 0.5))


def _fgs1_first(fgs1: float, airs: float) -> np.ndarray:
    """Put one value for FGS1 before one for every AIRS wavelength [shape=(283,)]."""
    values = np.full(N_WAVELENGTHS, airs)
    values[0] = fgs1
    return values
