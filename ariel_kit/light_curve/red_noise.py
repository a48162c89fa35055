"""Red noise in white light: noise correlated in time, which averages out more slowly than white.

The means of n neighbouring residuals of unit variance have a standard deviation of ``n**-0.5`` if
the noise is white. The ratio of the observed standard deviation to that value is the factor beta of
the time-averaging method (Pont, Zucker & Queloz 2006; Winn et al. 2008). It estimates the factor by
which the error of a depth exceeds that of white noise.
"""

from __future__ import annotations

import numpy as np

LENGTHS = (0.25, 0.5, 1.0)
"""Hours over which residuals are averaged, up to about the length of a transit."""
USUAL_RED = 1.3
"""Largest beta that is still attributed to white noise. Of 48 visits without red noise the largest
beta was 1.21."""


def red_noise_factor(residual: np.ndarray, hours_per_bin: float) -> np.ndarray:
    """Compute the factor beta by which red noise exceeds white noise.

    Parameters
    ----------
    residual : ndarray [shape=(visit, time)]
        Data minus model, in units of the noise of a bin.
    hours_per_bin : float
        Length of a bin.

    Returns
    -------
    ndarray [shape=(visit,), dtype=float64]
        The largest beta over the times in `LENGTHS`; 1 where it does not exceed `USUAL_RED`.

    Examples
    --------
    >>> white = np.random.default_rng(0).standard_normal((1, 188))
    >>> wave = 2 * np.sin(np.linspace(0, 20, 188))
    >>> red_noise_factor(np.concatenate([white, white + wave]), 0.04).round(1).tolist()
    [1.0, 5.0]
    """
    counts = [max(1, round(hours / hours_per_bin)) for hours in LENGTHS]
    scatter = [_scatter_of_means(residual, n) for n in counts if n > 1]
    beta = np.max([np.ones(len(residual)), *scatter], axis=0)
    return np.where(beta > USUAL_RED, beta, 1.0)


def _scatter_of_means(residual: np.ndarray, n: int) -> np.ndarray:
    """Compute the rms of the means of n neighbours, times sqrt(n) [shape=(visit,)]."""
    n_means = residual.shape[1] // n
    means = residual[:, : n_means * n].reshape(len(residual), n_means, n).mean(axis=2)
    return np.asarray(np.sqrt(n * np.mean(means**2, axis=1)))
