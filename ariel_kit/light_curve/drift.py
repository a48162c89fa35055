"""The slow drift of the instrument: a time x wavelength basis shared by all wavelengths.

``log(1 + drift) = sum_ij c_ij P_i(t) Q_j(wavelength)`` with Legendre polynomials P (i >= 1) and
Q (Q_0 = 1). Sharing c between wavelengths is what makes the fit work: a free drift per wavelength
multiplies depth errors by 2.7.

The depth of a planet and the curvature of its drift are nearly the same thing over one visit, so
the prior on c decides how well the white depth is known. Drifts of the challenge start smooth and
grow: polynomials in the time since the visit began, quiet for some planets and wild for others.
In the Legendre basis that is a scale mixture of strongly correlated Gaussians. The mixture is
learned from the planets being predicted, and each planet weighs its components by evidence, which
is also how its degree is chosen: quiet components have next to nothing in the high orders.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ariel_kit.core.errors import check_shape
from ariel_kit.core.instruments import N_AIRS, OBSERVATION_HOURS

DEGREE = 5
MONOMIAL_SIGMA = 750e-6
"""Typical coefficient of each power of the relative time in the simulated drift family."""
COMPONENT_SCALES = (1.5, 0.7, 0.2)
COLOUR_SIGMA = (0.8, 0.4, 0.2)
"""Prior scale of g's polynomials in wavelength of degree 1, 2, 3; its mean is 1."""
SECOND_DRIFT = 0.1
"""Size of what is not of the form f(t) g(wavelength), relative to the drift."""
EM_ROUNDS = 40
EM_STRENGTH = 10.0
"""Planets' worth of belief in the components that the learning starts from."""


def time_basis(time: np.ndarray, degree: int, hours: float = OBSERVATION_HOURS) -> np.ndarray:
    """Legendre polynomials P_1 .. P_degree over the observation.

    Parameters
    ----------
    time : ndarray [shape=(time,), unit=hour]
    degree : int
    hours : float
        Length of the observation, which the polynomials span.

    Returns
    -------
    ndarray [shape=(time, degree), dtype=float64]
    """
    x = 2 * np.asarray(time) / hours - 1
    return np.polynomial.legendre.legvander(x, degree)[:, 1:]


def wavelength_basis(light: np.ndarray) -> np.ndarray:
    """One, and Legendre polynomials over the AIRS channels that white light does not see.

    With the flux-weighted mean of every polynomial taken away, the first column's coefficient is
    the white-light drift itself.

    Parameters
    ----------
    light : ndarray [shape=(planet, 282), unit=electron]
        The star's spectrum.

    Returns
    -------
    ndarray [shape=(planet, 282, 4), dtype=float64]
    """
    basis = np.polynomial.legendre.legvander(np.linspace(-1, 1, N_AIRS), len(COLOUR_SIGMA))
    share = light / light.sum(axis=1, keepdims=True)
    modes = basis - (share @ basis)[:, None, :]
    modes[:, :, 0] = 1.0
    return modes


@dataclass(frozen=True)
class DriftLikelihood:
    """What each planet's light curve says about its drift, all else eliminated.

    Attributes
    ----------
    precision : ndarray [shape=(planet, degree, degree), dtype=float64]
    information : ndarray [shape=(planet, degree), dtype=float64]
        ``precision @ c`` at the coefficients of highest likelihood.
    """

    precision: np.ndarray
    information: np.ndarray

    def take(self, rows: list[int]) -> DriftLikelihood:
        """Some of the planets."""
        return DriftLikelihood(self.precision[rows], self.information[rows])

    def joined(self, other: DriftLikelihood) -> DriftLikelihood:
        """These planets, and others after them."""
        return DriftLikelihood(
            np.concatenate([self.precision, other.precision]),
            np.concatenate([self.information, other.information]),
        )


@dataclass(frozen=True)
class DriftPrior:
    """Prior covariances of the time coefficients, planet by planet.

    Attributes
    ----------
    fgs1, grey : ndarray [shape=(planet, degree, degree), dtype=float64]
        FGS1; AIRS white light, which its drift at each wavelength follows.
    """

    fgs1: np.ndarray
    grey: np.ndarray


@dataclass(frozen=True)
class DriftMixture:
    """Zero-mean Gaussian mixture over the time coefficients of a drift.

    Attributes
    ----------
    weights : ndarray [shape=(component,), dtype=float64]
    covariances : ndarray [shape=(component, degree, degree), dtype=float64]
    """

    weights: np.ndarray
    covariances: np.ndarray

    def __post_init__(self) -> None:
        degree = self.covariances.shape[-1]
        expected = {"component": len(self.weights), "degree": degree, "degree'": degree}
        check_shape("covariances", self.covariances.shape, expected)

    @property
    def degree(self) -> int:
        """Highest degree in time."""
        return self.covariances.shape[-1]

    @property
    def covariance(self) -> np.ndarray:
        """Of the whole mixture [shape=(degree, degree)]."""
        return np.einsum("k,kij->ij", self.weights, self.covariances)

    def responsibilities(self, likelihood: DriftLikelihood) -> np.ndarray:
        """Posterior probability of each component [shape=(planet, component)]."""
        return _expectation(self, likelihood)[0]

    def planet_covariances(self, likelihood: DriftLikelihood) -> np.ndarray:
        """Each planet's own prior: the components' average by evidence.

        The average stands in for the exact mixture posterior of the depth; where one component
        dominates, as for most planets, they are the same.

        Returns
        -------
        ndarray [shape=(planet, degree, degree)]
        """
        return np.einsum("pk,kij->pij", self.responsibilities(likelihood), self.covariances)

    def learn(self, likelihood: DriftLikelihood) -> DriftMixture:
        """Expectation-maximisation on a batch of planets, starting from this mixture.

        Inverse-Wishart priors of strength `EM_STRENGTH` centred on the starting components keep
        the answer proper for a handful of planets.
        """
        mixture = self
        for _ in range(EM_ROUNDS):
            share, moments = _expectation(mixture, likelihood)
            counts = share.sum(axis=0)
            total = np.einsum("pk,kpij->kij", share, moments) + EM_STRENGTH * self.covariances
            mixture = DriftMixture(
                weights=(counts + EM_STRENGTH * self.weights) / (len(share) + EM_STRENGTH),
                covariances=total / (counts + EM_STRENGTH)[:, None, None],
            )
        return mixture


def default_drift() -> DriftMixture:
    """Polynomials in the time since the visit began, at three amplitudes.

    Returns
    -------
    DriftMixture
        Of degree `DEGREE`, three equally likely components.
    """
    u = np.linspace(0, 1, 201)
    powers = [np.polynomial.legendre.legfit(2 * u - 1, u**k, DEGREE) for k in range(1, DEGREE + 1)]
    modes = np.stack(powers)[:, 1:] * MONOMIAL_SIGMA
    covariances = [scale**2 * modes.T @ modes for scale in COMPONENT_SCALES]
    n = len(COMPONENT_SCALES)
    return DriftMixture(np.full(n, 1 / n), np.stack(covariances))


def _expectation(
    mixture: DriftMixture, likelihood: DriftLikelihood
) -> tuple[np.ndarray, np.ndarray]:
    """Responsibilities (planet, component) and second moments (component, planet, i, j)."""
    log_evidence, moments = [], []
    for weight, covariance in zip(mixture.weights, mixture.covariances, strict=True):
        precision = likelihood.precision + np.linalg.inv(covariance)
        posterior = np.linalg.inv(precision)
        mean = np.einsum("pij,pj->pi", posterior, likelihood.information)
        fit = np.einsum("pi,pi->p", mean, likelihood.information)
        volume = np.linalg.slogdet(precision)[1] + np.linalg.slogdet(covariance)[1]
        log_evidence.append(np.log(weight) + 0.5 * (fit - volume))
        moments.append(posterior + mean[:, :, None] * mean[:, None, :])
    scores = np.stack(log_evidence, axis=1)
    share = np.exp(scores - scores.max(axis=1, keepdims=True))
    return share / share.sum(axis=1, keepdims=True), np.stack(moments)
