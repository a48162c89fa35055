"""Factors that match sigma to the errors of labelled planets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.stats import chi2

from ariel_kit.core.instruments import N_AIRS
from ariel_kit.learning.corrections import Factor, SigmaFactors, signal_to_noise
from ariel_kit.learning.shrinkage import Estimate, shrink_factor

SIZE, REGIME_SIZE = 0.4, 0.2
"""Prior standard deviation of the logarithm of a factor, and of the logarithm of the ratio of a
regime's factor to the overall one."""
CLIP = 2.5
"""Errors are clipped at this many sigmas."""
SCATTER = 0.4
"""Standard deviation over planets of the logarithm of the true factor."""
PER_REGIME = 30
"""Least number of planets in a regime of signal-to-noise."""
MOST_REGIMES = 3
"""Largest number of regimes."""
RANGE = (-7.0, 7.0)
"""Range of the logarithm of a factor in which the solution is searched."""


@dataclass(frozen=True)
class Errors:
    """Errors of one kind of each planet, in units of their sigma.

    Attributes
    ----------
    z : ndarray [shape=(planet, number)]
        Truth minus mean, over sigma.
    dof : ndarray [shape=(planet,)]
        Effective number of independent errors of a planet, from its covariance.
    """

    z: np.ndarray
    dof: np.ndarray

    def of(self, rows: np.ndarray) -> Errors:
        """Select planets by their index."""
        return Errors(self.z[rows], self.dof[rows])

    def factor(self) -> tuple[float, float]:
        """Estimate the factor of sigma and the standard deviation of its logarithm.

        The factor f solves ``mean(min(z^2 / f^2, c^2)) = E[min(chi^2, c^2)]``, where c is `CLIP`
        and chi a standard normal variable: Huber's Proposal 2 (Huber & Ronchetti 2009, Robust
        Statistics, section 6.4).
        """
        expected = chi2.cdf(CLIP**2, 3) + CLIP**2 * chi2.sf(CLIP**2, 1)

        def excess(log_factor: float) -> float:
            return float(np.mean(self._clipped(log_factor)) - expected)

        least, most = RANGE
        inside = excess(least) > 0 > excess(most)
        found = float(brentq(excess, least, most)) if inside else (least, most)[excess(most) >= 0]
        shares = self._clipped(found) / expected
        # The mean of k squares has variance 2 / k; the logarithm of its root, a quarter of that.
        expected_variance = 0.5 / self.dof.sum() + SCATTER**2 / len(shares)
        observed_variance = shares.var() / len(shares) / 4
        return float(np.exp(found)), float(np.sqrt(max(expected_variance, observed_variance)))

    def _clipped(self, log_factor: float) -> np.ndarray:
        """Compute the mean clipped square of each planet's errors [shape=(planet,)]."""
        squares = np.minimum((self.z * np.exp(-log_factor)) ** 2, CLIP**2)
        return np.asarray(squares.mean(axis=1))


def fit_sigma(mean: np.ndarray, covariance: np.ndarray, truth: np.ndarray) -> SigmaFactors:
    """Fit the factors of the sigmas of the level of AIRS, of its shape and of FGS1.

    Parameters
    ----------
    mean, truth : ndarray [shape=(planet, 283)]
        Measured and true depths.
    covariance : ndarray [shape=(planet, 283, 283)]
        Covariance of the errors of `mean` before the correction.

    Returns
    -------
    SigmaFactors
    """
    sigma = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
    signal = signal_to_noise(mean, sigma)
    n_regimes = int(np.clip(len(mean) // PER_REGIME, 1, MOST_REGIMES))
    edges = np.quantile(signal, np.arange(1, n_regimes) / n_regimes)
    row = np.digitize(signal, edges)
    level, shape, fgs1 = (
        _factor(errors, row, n_regimes) for errors in split_errors(truth - mean, covariance)
    )
    return SigmaFactors(edges=tuple(edges.tolist()), level=level, shape=shape, fgs1=fgs1)


def split_errors(error: np.ndarray, covariance: np.ndarray) -> tuple[Errors, Errors, Errors]:
    """Split errors into those of the level of AIRS, of the shape about it and of FGS1.

    Parameters
    ----------
    error : ndarray [shape=(planet, 283)]
        Truth minus mean.
    covariance : ndarray [shape=(planet, 283, 283)]
        Covariance of the errors.

    Returns
    -------
    level, shape, fgs1 : Errors
        Each in units of its own sigma.
    """
    airs, one = covariance[:, 1:, 1:], np.ones(len(error))
    level = error[:, 1:].mean(axis=1, keepdims=True)
    mean_row = airs.mean(axis=1)
    level_variance = mean_row.mean(axis=1)
    # C - row means - column means + mean: the covariance of the errors minus their mean.
    shape = airs - mean_row[:, :, None] - mean_row[:, None, :] + level_variance[:, None, None]
    shape_sigma = np.sqrt(np.diagonal(shape, axis1=1, axis2=2))
    correlation = shape / (shape_sigma[:, :, None] * shape_sigma[:, None, :])
    return (
        Errors(level / np.sqrt(level_variance)[:, None], one),
        Errors((error[:, 1:] - level) / shape_sigma, N_AIRS**2 / np.sum(correlation**2, (1, 2))),
        Errors(error[:, :1] / np.sqrt(covariance[:, 0, :1]), one),
    )


def _factor(errors: Errors, row: np.ndarray, n_regimes: int) -> Factor:
    """Fit the factor of all planets, and that of each regime, shrunk towards the former."""
    found, error = errors.factor()
    overall = shrink_factor(found, error, SIZE)
    regimes = [overall]
    if n_regimes > 1:
        pairs = [errors.of(row == regime).factor() for regime in range(n_regimes)]
        regimes = [overall * shrink_factor(factor / found, e, REGIME_SIZE) for factor, e in pairs]
    return Factor(overall=Estimate(value=overall, found=found, error=error), regimes=tuple(regimes))
