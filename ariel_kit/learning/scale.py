"""The scale of true against measured depth, by a robust linear regression.

Light that is not the star's, where some remains in the light curve, makes every depth too small by
the same factor. The measured depths are posterior means, about which the true depths scatter with
the posterior covariance. The truth is therefore regressed on the measured depth, and the error of
the measured depth does not bias the result.
"""

from __future__ import annotations

import numpy as np

from ariel_kit.core.instruments import N_AIRS, N_WAVELENGTHS
from ariel_kit.learning.corrections import Scale, airs_coordinate
from ariel_kit.learning.shrinkage import Estimate, shrink

SIZE, SLOPE_SIZE = 0.01, 0.005
"""Prior standard deviation of scales about 1, and of slopes about 0. Participants of the challenge
needed factors of 1.006 to 1.03."""
TAIL = 4.0
"""Degrees of freedom of the t distribution of the residuals."""
BELIEF = 5.0
"""Weight of the assumption that the residuals scatter as the covariances say, in planets."""
ROUNDS = 20
"""Number of reweighting iterations."""


def fit_scale(mean: np.ndarray, covariance: np.ndarray, truth: np.ndarray) -> Scale:
    """Fit the scale of FGS1, the scale of AIRS, and its slope over the wavelengths of AIRS.

    Only the depth of FGS1, the mean of AIRS and its gradient over wavelength are compared, because
    these hardly depend on the prior on the shapes of spectra.

    Parameters
    ----------
    mean, truth : ndarray [shape=(planet, 283)]
        Measured and true depths.
    covariance : ndarray [shape=(planet, 283, 283)]
        Covariance of the errors of `mean`.

    Returns
    -------
    Scale
    """
    probes, basis = _probes(), _basis()
    response = probes.T @ (mean[:, :, None] * basis)
    found, error = robust_regression(
        response, (truth - mean) @ probes, probes.T @ covariance @ probes
    )
    fgs1, airs, slope = (
        Estimate(value=start + shrink(x, e, size), found=start + x, error=e)
        for start, x, e, size in zip(
            (1.0, 1.0, 0.0), found.tolist(), error.tolist(), (SIZE, SIZE, SLOPE_SIZE), strict=True
        )
    )
    return Scale(fgs1=fgs1, airs=airs, slope=slope)


def robust_regression(
    response: np.ndarray, target: np.ndarray, noise: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Estimate x in ``target = response x + noise``, where some planets may be outliers.

    The likelihood is a multivariate t, maximised by iteratively reweighted least squares: a planet
    with the residual r of k numbers and ``chi2 = r' noise^-1 r`` has the weight
    ``(TAIL + k) / (TAIL + chi2 / spread)``, where spread is the variance of the residuals relative
    to `noise` (Lange, Little & Taylor 1989, J. Am. Stat. Assoc. 84).

    Parameters
    ----------
    response : ndarray [shape=(planet, k, parameter)]
        Design matrix of each planet.
    target : ndarray [shape=(planet, k)]
        Measured numbers of each planet.
    noise : ndarray [shape=(planet, k, k)]
        Covariance of the noise of each planet.

    Returns
    -------
    found, error : ndarray [shape=(parameter,)]
        Estimates and their standard deviations. A standard deviation is the larger of that from the
        covariances and that from the scatter over planets (the sandwich estimator, Huber 1967).
    """
    n, k, _ = response.shape
    precision, weights, spread = np.linalg.inv(noise), np.ones(n), 1.0
    normal_matrix = response.transpose(0, 2, 1) @ precision @ response
    right_side = (response.transpose(0, 2, 1) @ precision @ target[..., None])[..., 0]
    for _ in range(ROUNDS):
        information = np.tensordot(weights, normal_matrix, axes=1)
        found = np.linalg.solve(information, weights @ right_side)
        residual = target - response @ found
        chi2 = np.einsum("pi,pij,pj->p", residual, precision, residual)
        spread = (BELIEF * k + weights @ chi2) / ((BELIEF + n) * k)
        weights = (TAIL + k) / (TAIL + chi2 / spread)
    inverse = np.linalg.inv(information)
    scores = weights[:, None] * (right_side - normal_matrix @ found)
    sandwich = inverse @ (scores.T @ scores) @ inverse
    variance = np.maximum(spread * np.diag(inverse), np.diag(sandwich))
    return found, np.sqrt(n / max(n - 1, 1) * variance)


def _probes() -> np.ndarray:
    """Build the weights that compute FGS1, the mean of AIRS and its gradient [shape=(283, 3)]."""
    probes = np.zeros((N_WAVELENGTHS, 3))
    x = airs_coordinate()
    probes[0, 0] = 1.0
    probes[1:, 1] = 1 / N_AIRS
    probes[1:, 2] = (x - x.mean()) / np.sum((x - x.mean()) ** 2)
    return probes


def _basis() -> np.ndarray:
    """Build the factors of the scale's three parameters at each wavelength [shape=(283, 3)]."""
    basis = np.zeros((N_WAVELENGTHS, 3))
    basis[0, 0] = 1.0
    basis[1:, 1] = 1.0
    basis[1:, 2] = airs_coordinate()
    return basis
