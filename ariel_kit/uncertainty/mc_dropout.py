"""Combination of a network's dropout draws: their mean, and two kinds of uncertainty."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ariel_kit.core.errors import ShapeError
from ariel_kit.core.instruments import N_WAVELENGTHS
from ariel_kit.core.spectrum import Spectrum


def combine_draws(spectrum: Spectrum, means: np.ndarray, variances: np.ndarray) -> Spectrum:
    """Compute the mixture of draws with equal weights, by the law of total variance.

    The aleatoric variance is the mean of the draws' variances. The variance of the draws' means,
    which has a covariance of low rank, is called epistemic in the literature. Here it is only a
    twentieth of the error, also where molecules are unseen
    (``pytest -m benchmark -s tests/benchmarks/test_refinement.py``).

    Parameters
    ----------
    spectrum : Spectrum
        Fitted spectrum that the draws refine. The aleatoric part has its correlations, and the
        ratio of its sigma to the root of its covariance's diagonal is kept.
    means, variances : ndarray [shape=(draw, 283)]
        Mean and variance of each draw, for example of a network with dropout switched on (Gal &
        Ghahramani 2016, arXiv 1506.02142).

    Returns
    -------
    Spectrum

    Raises
    ------
    ShapeError
        If there are no draws, or if they do not have 283 depths each.

    Examples
    --------
    >>> from ariel_kit.core.instruments import wavelengths
    >>> flat = np.full(283, 1e-3)
    >>> fit = Spectrum(1, wavelengths(), flat, flat / 100)
    >>> means, variances = np.stack([flat, 1.02 * flat]), np.full((2, 283), 1e-10)
    >>> both = combine_draws(fit, means, variances)
    >>> both.mean[0].round(7), both.sigma[0].round(7)
    (np.float64(0.00101), np.float64(1.41e-05))
    """
    if means.shape != variances.shape or means.shape != (max(1, len(means)), N_WAVELENGTHS):
        raise ShapeError(
            f"draws must have shape (draw, {N_WAVELENGTHS}), at least one of them; "
            f"got means {means.shape} and variances {variances.shape}."
        )
    aleatoric, spread = variances.mean(axis=0), means - means.mean(axis=0)
    variance = aleatoric + np.mean(spread**2, axis=0)
    covariance, before = spectrum.covariance, spectrum.sigma**2
    if covariance is not None:
        before = np.diag(covariance)
        scale = np.sqrt(aleatoric / before)
        covariance = scale[:, None] * covariance * scale + spread.T @ spread / len(means)
    return replace(
        spectrum,
        mean=means.mean(axis=0),
        sigma=spectrum.sigma * np.sqrt(variance / before),
        covariance=covariance,
        provenance={
            **spectrum.provenance,
            "refine": {
                "status": "complete",
                "draws": len(means),
                "epistemic_share": float(1 - np.mean(aleatoric / variance)),
            },
        },
    )
