"""How far a number that was found is believed: as far as its error allows."""

from __future__ import annotations

import numpy as np
from pydantic import ConfigDict

from ariel_kit.core.config import Settings

DOUBT = 0.2
"""Probability, before any label is seen, that a shipped value is wrong. With 1/2, five planets that
have nothing to teach cost 0.010 of the score on average, with this 0.002."""
REACH = 5.0
"""Standard deviations of the slab that are looked at."""


class FiniteSettings(Settings):
    """A frozen record without unknown keys whose numbers are finite."""

    model_config = ConfigDict(allow_inf_nan=False)


class Estimate(FiniteSettings):
    """One number that labelled planets taught.

    Attributes
    ----------
    value : float
        What is used: what was found, drawn towards the shipped value.
    found : float
        What the labelled planets alone say.
    error : float
        One standard deviation of what was found; of its logarithm where it is a factor of sigma.
    """

    value: float
    found: float
    error: float


def shrink(found: float, error: float, size: float) -> float:
    """Draw a number towards zero: the posterior mean under a spike and a slab.

    Before it was found, the number is drawn from N(0, size^2) with probability `DOUBT`, else zero.
    With v = error^2 and s = size^2, the odds of the slab are those of the two densities of what was
    found, ``N(0, v + s) / N(0, v)``, and the answer is the slab's probability times
    ``found * s / (v + s)``. What is far outside its error is kept, what is within it is all but
    gone (Mitchell & Beauchamp 1988, J. Am. Stat. Assoc. 83).

    Parameters
    ----------
    found, error : float
    size : float
        Standard deviation of numbers of this kind.

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
    """Draw a factor of sigma towards 1: the root of the posterior mean of its square.

    Before, its logarithm is drawn from N(0, size^2) with probability `DOUBT`, else it is 1.
    With nu = 1 / (2 error^2) independent errors of mean square found^2, the likelihood of f is
    ``f^-nu exp(-nu found^2 / (2 f^2))``. Of all answers the root of the mean square loses least
    under the score, which punishes a sigma that is too small more than one that is too large.

    Parameters
    ----------
    found : float
        The factor that the errors show.
    error : float
        One standard deviation of its logarithm.
    size : float
        Of the logarithms of factors of this kind.

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
