"""Red noise in white light: errors that last do not average out, and no white sigma knows them.

The means of n neighbouring residuals of unit variance scatter by ``n**-0.5`` if they are white.
What they scatter by beyond that is the factor beta of time averaging (Pont, Zucker & Queloz 2006;
Winn et al. 2008), by which the error of a depth exceeds that of white noise.
"""

from __future__ import annotations

import numpy as np

LENGTHS = (0.25, 0.5, 1.0)
"""Stretches of time over which residuals are averaged, hours: up to that of a transit."""
USUAL_RED = 1.3
"""Factor that white noise does not exceed: of 48 visits without red noise the largest was 1.21."""


def red_noise_factor(residual: np.ndarray, hours_per_bin: float) -> np.ndarray:
    """Find by how much the errors of long stretches exceed those of white noise.

    Parameters
    ----------
    residual : ndarray [shape=(visit, time)]
        Data minus model over the noise of a bin.
    hours_per_bin : float

    Returns
    -------
    ndarray [shape=(visit,), dtype=float64]
        beta of the stretch where it is largest; 1 where it is within what white noise shows.

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
    """Compute the rms of means of n neighbours, times sqrt(n) [shape=(visit,)]."""
    n_means = residual.shape[1] // n
    means = residual[:, : n_means * n].reshape(len(residual), n_means, n).mean(axis=2)
    return np.asarray(np.sqrt(n * np.mean(means**2, axis=1)))
