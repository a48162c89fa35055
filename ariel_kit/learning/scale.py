"""The scale of true against measured depth, by a regression that one wild planet cannot turn.

A depth comes out too small where light that is not the star's is left in, and that is a factor.
Posterior means are drawn towards what is usual, so that it is the truth that scatters about them:
the truth is regressed on the measured depth, and the latter's error does not bias the answer.
"""

from __future__ import annotations

import numpy as np

from ariel_kit.core.instruments import N_AIRS, N_WAVELENGTHS
from ariel_kit.learning.corrections import Scale, airs_coordinate
from ariel_kit.learning.shrinkage import Estimate, shrink

SIZE, SLOPE_SIZE = 0.01, 0.005
"""Standard deviation of scales about 1, and of slopes: participants of the challenge needed factors
of 1.006 to 1.03."""
TAIL = 4.0
"""Degrees of freedom of the t distribution that planets are taken to scatter with."""
BELIEF = 5.0
"""Planets' worth of belief that the scatter is what the covariances say."""
ROUNDS = 20


def fit_scale(mean: np.ndarray, covariance: np.ndarray, truth: np.ndarray) -> Scale:
    """Fit the scale of FGS1, of AIRS, and its slope over the wavelengths of AIRS.

    Only FGS1, the level of AIRS and its gradient are compared: what a prior believes of the shapes
    of spectra then hardly counts.

    Parameters
    ----------
    mean, truth : ndarray [shape=(planet, 283)]
    covariance : ndarray [shape=(planet, 283, 283)]
        Of the errors of `mean`.

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
    """Find x of ``target = response x + noise`` where whole planets may be outliers.

    Maximum likelihood of a multivariate t, by iterated weights: with
    ``chi2 = r' noise^-1 r`` the residual of a planet of k numbers, its weight is
    ``(TAIL + k) / (TAIL + chi2 / spread)`` (Lange, Little & Taylor 1989, J. Am. Stat. Assoc. 84).

    Parameters
    ----------
    response : ndarray [shape=(planet, k, parameter)]
    target : ndarray [shape=(planet, k)]
    noise : ndarray [shape=(planet, k, k)]
        Covariances.

    Returns
    -------
    found, error : ndarray [shape=(parameter,)]
        Estimates, and one standard deviation of each: the larger of what the covariances promise
        and of what the scatter from planet to planet shows (the sandwich of Huber 1967).
    """
    n, k, _ = response.shape
    precision, weights, spread = np.linalg.inv(noise), np.ones(n), 1.0
    normal = response.transpose(0, 2, 1) @ precision @ response
    right = (response.transpose(0, 2, 1) @ precision @ target[..., None])[..., 0]
    for _ in range(ROUNDS):
        information = np.tensordot(weights, normal, axes=1)
        found = np.linalg.solve(information, weights @ right)
        left = target - response @ found
        chi2 = np.einsum("pi,pij,pj->p", left, precision, left)
        spread = (BELIEF * k + weights @ chi2) / ((BELIEF + n) * k)
        weights = (TAIL + k) / (TAIL + chi2 / spread)
    inverse = np.linalg.inv(information)
    pulls = weights[:, None] * (right - normal @ found)
    seen = inverse @ (pulls.T @ pulls) @ inverse
    variance = np.maximum(spread * np.diag(inverse), np.diag(seen))
    return found, np.sqrt(n / max(n - 1, 1) * variance)


def _probes() -> np.ndarray:
    """Build what reads FGS1, the level of AIRS, and its gradient [shape=(283, 3)]."""
    probes = np.zeros((N_WAVELENGTHS, 3))
    x = airs_coordinate()
    probes[0, 0] = 1.0
    probes[1:, 1] = 1 / N_AIRS
    probes[1:, 2] = (x - x.mean()) / np.sum((x - x.mean()) ** 2)
    return probes


def _basis() -> np.ndarray:
    """Build what each number of the scale multiplies [shape=(283, 3)]."""
    basis = np.zeros((N_WAVELENGTHS, 3))
    basis[0, 0] = 1.0
    basis[1:, 1] = 1.0
    basis[1:, 2] = airs_coordinate()
    return basis
