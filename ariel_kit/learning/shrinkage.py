"""Shrinkage of estimates towards their default values, according to their errors."""

from __future__ import annotations

import numpy as np
from pydantic import ConfigDict

from ariel_kit.core.config import Settings

DOUBT = 0.2
"""Prior probability that a default value is wrong. Learning from five planets for which the default
values are right costs 0.002 of the score on average; with a probability of 1/2 it costs 0.010."""
REACH = 5.0
"""Half-width of the grid over the slab, in its standard deviations."""


class FiniteSettings(Settings):
    """Base class of frozen records that refuse unknown keys and numbers that are not finite."""

    model_config = ConfigDict(allow_inf_nan=False)


class Estimate(FiniteSettings):
    """A number that was estimated from labelled planets.

    Attributes
    ----------
    value : float
        Number to use: `found`, shrunk towards the default value.
    found : float
        Estimate from the labelled planets alone.
    error : float
        Standard deviation of `found`; for a factor of sigma, of its logarithm.
    """

    value: float
    found: float
    error: float


def shrink(found: float, error: float, size: float) -> float:
    """Shrink a number towards zero: its posterior mean under a spike-and-slab prior.

    A priori the number follows N(0, size^2), the slab, with probability `DOUBT`, and is zero
    otherwise. With v = error^2 and s = size^2, the Bayes factor of the slab is the ratio of the two
    densities of `found`, ``N(0, v + s) / N(0, v)``, and the posterior mean is the slab's
    probability times ``found * s / (v + s)``. An estimate of many times its error is kept, and one
    within its error becomes nearly zero (Mitchell & Beauchamp 1988, J. Am. Stat. Assoc. 83).

    Parameters
    ----------
    found, error : float
        Estimate and its standard deviation.
    size : float
        Standard deviation of the slab.

    Examples
    --------
    >>> round(shrink(0.008, 0.001, 0.01), 4), round(shrink(0.001, 0.001, 0.01), 5)
    (0.0079, 4e-05)
    """
    if error == 0:
        return found
    total = error**2 + size**2
    log_ratio = 0.5 * (np.log(error**2 / total) + found**2 * (1 / error**2 - 1 / total))
    probability = 1 / (1 + (1 - DOUBT) / DOUBT * np.exp(-log_ratio))
    return float(probability * found * size**2 / total)


def shrink_factor(found: float, error: float, size: float) -> float:
    """Shrink a factor of sigma towards 1: the root of the posterior mean of its square.

    A priori the logarithm of the factor follows N(0, size^2) with probability `DOUBT`, and the
    factor is 1 otherwise. The likelihood of the factor f is that of nu = 1 / (2 error^2)
    independent errors of mean square found^2, ``f^-nu exp(-nu found^2 / (2 f^2))``. The root of the
    mean square is the estimate of least expected loss under the score, which punishes a sigma that
    is too small more than one that is too large.

    Parameters
    ----------
    found : float
        Factor estimated from the errors.
    error : float
        Standard deviation of its logarithm.
    size : float
        Standard deviation of the logarithms of such factors.

    Examples
    --------
    >>> round(shrink_factor(1.4, 0.09, 0.4), 2), round(shrink_factor(1.4, 0.3, 0.4), 2)
    (1.4, 1.08)
    """
    errors = 0.5 / error**2
    slab = size * np.linspace(-REACH, REACH, 201)
    prior = np.exp(-0.5 * (slab / size) ** 2)
    logs = np.append(slab, 0.0)
    weights = np.append(DOUBT * prior / prior.sum(), 1 - DOUBT)
    log_likelihood = -errors * (logs + 0.5 * found**2 * np.exp(-2 * logs))
    weights *= np.exp(log_likelihood - log_likelihood.max())
    return float(np.sqrt(weights @ np.exp(2 * logs) / weights.sum()))
