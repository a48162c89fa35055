"""The slow drift of the instrument: bases in time and over the detector, and their priors.

The mission's drift is ``z = f(t) g(column)``: both are polynomials of order 5, f in the time since
the visit began and g in the detector column, with coefficients that are uniform about zero. In the
Legendre bases of the fit,

    log(1 + z) = sum_ij n_ij P_i(t) Q_j(column) - z^2 / 2 + ...,    n = vec(F c (G d)'),

with P of degree 1..5 (a constant is the star's level), Q of degree 0..5, and F and G the Legendre
coefficients of the monomials. `rank_one` has the posterior of n.

White light sees one drift in time. The depth of a planet and the curvature of its drift are nearly
the same thing over one visit, so the prior on it decides how well the white depth is known. It is
a scale mixture of strongly correlated Gaussians, learned from the planets being predicted, and each
planet weighs its components by evidence. It also stands beside the mission's family in the joint
fit, for drifts that are of no family.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ariel_kit.core.errors import check_shape
from ariel_kit.core.instruments import AIRS, N_AIRS, OBSERVATION_HOURS

DEGREE = 5
MONOMIAL_SIGMA = 750e-6
"""Typical coefficient of each power of the relative time in the simulated drift family."""
COMPONENT_SCALES = (1.5, 0.7, 0.2)
COLUMNS = 6
"""Polynomials over the detector's columns, of degree 0 to 5."""
COLOURS = 3
"""Orders in wavelength beside white light in which the drift is told to a network."""
FREE_REST = 0.3
"""Size of what is not of the form f(t) g(column), relative to a drift of no family."""
SCALES = np.geomspace(1e-4, 2e-2, 15)
"""Sizes that a drift of rank one may have: A / range of the mission's simulator."""
FREE_SHARE = 0.1
"""Share of planets whose drift is expected to be of no family."""
EM_ROUNDS = 40
EM_STRENGTH = 10.0
"""Planets' worth of belief in the components that the learning starts from."""


def time_basis(time: np.ndarray, degree: int, hours: float = OBSERVATION_HOURS) -> np.ndarray:
    """Evaluate the Legendre polynomials P_1 .. P_degree over the observation.

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
    """Evaluate one, and Legendre polynomials over AIRS that white light does not see.

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
    basis = np.polynomial.legendre.legvander(np.linspace(-1, 1, N_AIRS), COLOURS)
    share = light / light.sum(axis=1, keepdims=True)
    modes = basis - (share @ basis)[:, None, :]
    modes[:, :, 0] = 1.0
    return modes


def column_basis() -> np.ndarray:
    """Evaluate Legendre polynomials Q_0 .. Q_5 over the AIRS channels, wavelength ascending.

    Returns
    -------
    ndarray [shape=(282, 6), dtype=float64]
    """
    return np.polynomial.legendre.legvander(np.linspace(-1, 1, N_AIRS), COLUMNS - 1)


def time_modes() -> np.ndarray:
    """Evaluate F, the powers of time of the mission's drift, each of its typical size.

    Returns
    -------
    ndarray [shape=(5, 5), dtype=float64]
        Column k holds the Legendre coefficients 1..5 of u^(k + 1), u the share of the visit that
        has passed, times the standard deviation of a coefficient that is uniform in (-1, 1).
    """
    return _power_modes().T / np.sqrt(3)


def column_modes() -> np.ndarray:
    """Evaluate G, the powers of the column of the mission's drift, each of its typical size.

    Returns
    -------
    ndarray [shape=(6, 6), dtype=float64]
        Column k holds the coefficients in `column_basis` of v^k, v the detector column over its
        last index, times the standard deviation of a coefficient that is uniform in (-1, 1).
    """
    columns = np.arange(AIRS.width)[AIRS.columns][::-1] / (AIRS.width - 1)
    powers = np.vander(columns, COLUMNS, increasing=True)
    return np.linalg.lstsq(column_basis(), powers, rcond=None)[0] / np.sqrt(3)


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
        """Take some of the planets."""
        return DriftLikelihood(self.precision[rows], self.information[rows])

    def joined(self, other: DriftLikelihood) -> DriftLikelihood:
        """Append other planets."""
        return DriftLikelihood(
            np.concatenate([self.precision, other.precision]),
            np.concatenate([self.information, other.information]),
        )


@dataclass(frozen=True)
class DriftPrior:
    """Prior of the drifts of a batch.

    Attributes
    ----------
    fgs1 : ndarray [shape=(planet, degree, degree), dtype=float64]
        Covariance of the coefficients in time of FGS1.
    grey : ndarray [shape=(planet, degree, degree), dtype=float64]
        The same of AIRS white light: the course in time of a drift of no family.
    weights : ndarray [shape=(2 * scale,), dtype=float64]
        Probability of every size of `SCALES`, for the mission's family first and then for drifts of
        no family.
    """

    fgs1: np.ndarray
    grey: np.ndarray
    weights: np.ndarray = field(default_factory=lambda: start_weights())


def start_weights() -> np.ndarray:
    """Give all sizes the same probability [shape=(2 * scale,)]."""
    share = np.array([1 - FREE_SHARE, FREE_SHARE])
    return np.repeat(share / len(SCALES), len(SCALES))


def learn_weights(log_evidence: np.ndarray) -> np.ndarray:
    """Learn from the planets of a run how large their drifts are.

    Expectation-maximisation; `start_weights` counts for `EM_STRENGTH` planets. The share of drifts
    that are of no family stays: a planet with such a drift says so by itself, and many that cannot
    tell must not make the others believe it.

    Parameters
    ----------
    log_evidence : ndarray [shape=(planet, 2 * scale)]

    Returns
    -------
    ndarray [shape=(2 * scale,), dtype=float64]
    """
    start = weights = start_weights()
    kept = start.reshape(2, -1).sum(axis=1, keepdims=True)
    evidence = np.exp(log_evidence - log_evidence.max(axis=1, keepdims=True))
    for _ in range(EM_ROUNDS):
        share = evidence * weights
        counts = (share / share.sum(axis=1, keepdims=True)).sum(axis=0)
        families = (counts + EM_STRENGTH * start).reshape(2, -1)
        weights = (families / families.sum(axis=1, keepdims=True) * kept).ravel()
    return weights


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
        """Compute the posterior probability of each component [shape=(planet, component)]."""
        return _expectation(self, likelihood)[0]

    def planet_covariances(self, likelihood: DriftLikelihood) -> np.ndarray:
        """Average the components by evidence to each planet's own prior.

        The average stands in for the exact mixture posterior of the depth; where one component
        dominates, as for most planets, they are the same.

        Returns
        -------
        ndarray [shape=(planet, degree, degree)]
        """
        return np.einsum("pk,kij->pij", self.responsibilities(likelihood), self.covariances)

    def learn(self, likelihood: DriftLikelihood) -> DriftMixture:
        """Learn from a batch of planets by expectation-maximisation, starting from this mixture.

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
    """Make a mixture of polynomials in the time since the visit began, at three amplitudes.

    Returns
    -------
    DriftMixture
        Of degree `DEGREE`, three equally likely components.
    """
    modes = _power_modes() * MONOMIAL_SIGMA
    covariances = [scale**2 * modes.T @ modes for scale in COMPONENT_SCALES]
    n = len(COMPONENT_SCALES)
    return DriftMixture(np.full(n, 1 / n), np.stack(covariances))


def _power_modes() -> np.ndarray:
    """Expand the powers 1..5 of u in Legendre polynomials 1..5 [shape=(power, degree)]."""
    u = np.linspace(0, 1, 201)
    powers = [np.polynomial.legendre.legfit(2 * u - 1, u**k, DEGREE) for k in range(1, DEGREE + 1)]
    return np.stack(powers)[:, 1:]


def _expectation(
    mixture: DriftMixture, likelihood: DriftLikelihood
) -> tuple[np.ndarray, np.ndarray]:
    """Compute responsibilities (planet, component) and second moments (component, planet, i, j)."""
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
