"""How far a number that was found is believed: as far as its error allows."""

from __future__ import annotations

import numpy as np
from pydantic import ConfigDict

from ariel_kit.core.config import Settings


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

    Before it was found, the number is zero with probability 1/2, else drawn from N(0, size^2).
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
    (0.0079, 0.00014)
    """
    if error == 0:
        return found
    total = error**2 + size**2
    log_odds = 0.5 * (np.log(error**2 / total) + found**2 * (1 / error**2 - 1 / total))
    probability = 1 / (1 + np.exp(-log_odds))
    return float(probability * found * size**2 / total)
