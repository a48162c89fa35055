"""The slow drift of the instrument: bases in time and over the detector, and their priors.

The drift of the mission's simulator is ``z = f(t) g(column)``: both factors are polynomials of
order 5, f in the time since the visit began and g in the detector column, with coefficients that
are uniform about zero. In the Legendre bases of the fit,

    log(1 + z) = sum_ij n_ij P_i(t) Q_j(column) - z^2 / 2 + ...,    n = vec(F c (G d)'),

with P of degree 1..5 (a constant is the star's level), Q of degree 0..5, and F and G the Legendre
coefficients of the monomials, scaled by the size of the drift. c and d are the random coefficients
of f and g. `rank_one` computes the posterior of n.

White light has one drift in time. Over one visit the depth of a planet and the curvature of its
drift are nearly degenerate, so the prior on the drift decides how well the white depth is known. It
is a scale mixture of strongly correlated Gaussians, which is learned from the planets being
predicted; each planet weights its components by their evidence. In the joint fit the same prior
describes drifts that are not of the mission's family (below: drifts of no family).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ariel_kit.core.errors import check_shape
from ariel_kit.core.instruments import AIRS, N_AIRS, OBSERVATION_HOURS

DEGREE = 5
"""Degree of the drift in time."""
MONOMIAL_SIGMA = 750e-6
"""Typical coefficient of each power of the relative time in the simulated drift family."""
COMPONENT_SCALES = (1.5, 0.7, 0.2)
"""Amplitudes of the components of `default_drift`, in units of `MONOMIAL_SIGMA`."""
COLUMNS = 6
"""Number of polynomials over the detector's columns, of degree 0 to 5."""
COLOURS = 3
"""Number of polynomials in wavelength, beside white light, of the drift that networks are given."""
FREE_REST = 0.3
"""Sigma of the part of a drift that is not of the form f(t) g(column), relative to the sigma of a
drift of no family."""
SCALES = np.geomspace(1e-4, 2e-2, 15)
"""Grid of sizes of a drift of rank one: A / range of the mission's simulator."""
FREE_SHARE = 0.1
"""Prior probability that a planet's drift is of no family."""
EM_ROUNDS = 40
"""Number of rounds of expectation-maximisation."""
EM_STRENGTH = 10.0
"""Weight of the starting values in expectation-maximisation, as a number of planets."""


def time_basis(time: np.ndarray, degree: int, hours: float = OBSERVATION_HOURS) -> np.ndarray:
    """Evaluate the Legendre polynomials P_1 .. P_degree over the observation.

    Parameters
    ----------
    time : ndarray [shape=(time,), unit=hour]
        Times from the start of the observation.
    degree : int
        Highest degree of the polynomials.
    hours : float
        Length of the observation, which the polynomials span.

    Returns
    -------
    ndarray [shape=(time, degree), dtype=float64]
    """
    x = 2 * np.asarray(time) / hours - 1
    return np.polynomial.legendre.legvander(x, degree)[:, 1:]


def wavelength_basis(light: np.ndarray) -> np.ndarray:
    """Evaluate a constant, and Legendre polynomials over AIRS of zero mean in white light.

    The flux-weighted mean of every polynomial is subtracted, so that the coefficient of the
    constant is the drift of white light.

    Parameters
    ----------
    light : ndarray [shape=(planet, 282), unit=electron]
        Spectrum of the star.

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
    """Evaluate the Legendre polynomials Q_0 .. Q_5 over the AIRS channels, wavelength ascending.

    Returns
    -------
    ndarray [shape=(282, 6), dtype=float64]
    """
    return np.polynomial.legendre.legvander(np.linspace(-1, 1, N_AIRS), COLUMNS - 1)


def time_modes() -> np.ndarray:
    """Compute F, the Legendre coefficients of the powers of time of the mission's drift.

    Returns
    -------
    ndarray [shape=(5, 5), dtype=float64]
        Column k holds the Legendre coefficients 1..5 of u^(k + 1), where u is the elapsed fraction
        of the visit, times the standard deviation of a uniform coefficient in (-1, 1).
    """
    return _power_modes().T / np.sqrt(3)


def column_modes() -> np.ndarray:
    """Compute G, the Legendre coefficients of the powers of the column of the mission's drift.

    Returns
    -------
    ndarray [shape=(6, 6), dtype=float64]
        Column k holds the coefficients in `column_basis` of v^k, where v is the detector column
        divided by its last index, times the standard deviation of a uniform coefficient in (-1, 1).
    """
    columns = np.arange(AIRS.width)[AIRS.columns][::-1] / (AIRS.width - 1)
    powers = np.vander(columns, COLUMNS, increasing=True)
    return np.linalg.lstsq(column_basis(), powers, rcond=None)[0] / np.sqrt(3)


@dataclass(frozen=True)
class DriftLikelihood:
    """Gaussian likelihood of each planet's drift, marginalised over all other parameters.

    Attributes
    ----------
    precision : ndarray [shape=(planet, degree, degree), dtype=float64]
        Precision of the Legendre coefficients in time.
    information : ndarray [shape=(planet, degree), dtype=float64]
        ``precision @ c`` at the Legendre coefficients c of highest likelihood.
    """

    precision: np.ndarray
    information: np.ndarray

    def take(self, rows: list[int]) -> DriftLikelihood:
        """Select planets by their index."""
        return DriftLikelihood(self.precision[rows], self.information[rows])

    def joined(self, other: DriftLikelihood) -> DriftLikelihood:
        """Append the planets of another batch."""
        return DriftLikelihood(
            np.concatenate([self.precision, other.precision]),
            np.concatenate([self.information, other.information]),
        )


@dataclass(frozen=True)
class DriftPrior:
    """Prior of the drifts of a batch of planets.

    Attributes
    ----------
    fgs1 : ndarray [shape=(planet, degree, degree), dtype=float64]
        Covariance of the Legendre coefficients in time of the drift of FGS1.
    grey : ndarray [shape=(planet, degree, degree), dtype=float64]
        The same for AIRS white light; it describes drifts of no family.
    weights : ndarray [shape=(2 * scale,), dtype=float64]
        Probability of every size of `SCALES`, for the mission's family first and then for drifts of
        no family.
    """

    fgs1: np.ndarray
    grey: np.ndarray
    weights: np.ndarray = field(default_factory=lambda: start_weights())


def start_weights() -> np.ndarray:
    """Return weights under which all sizes of a family are equally likely [shape=(2 * scale,)]."""
    share = np.array([1 - FREE_SHARE, FREE_SHARE])
    return np.repeat(share / len(SCALES), len(SCALES))


def learn_weights(log_evidence: np.ndarray) -> np.ndarray:
    """Learn the distribution of drift sizes from the planets of a run.

    Expectation-maximisation starts from `start_weights`, which count as `EM_STRENGTH` planets. The
    share of drifts of no family stays fixed: the light of a planet with such a drift shows it
    clearly, and planets whose light does not decide must not raise the share.

    Parameters
    ----------
    log_evidence : ndarray [shape=(planet, 2 * scale)]
        Log evidence of each size and family for each planet, up to a constant for each planet.

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
    """Zero-mean Gaussian mixture prior of the Legendre coefficients in time of a drift.

    Attributes
    ----------
    weights : ndarray [shape=(component,), dtype=float64]
        Probabilities of the components.
    covariances : ndarray [shape=(component, degree, degree), dtype=float64]
        Covariances of the coefficients in each component.
    """

    weights: np.ndarray
    covariances: np.ndarray

    def __post_init__(self) -> None:
        degree = self.covariances.shape[-1]
        expected = {"component": len(self.weights), "degree": degree, "degree'": degree}
        check_shape("covariances", self.covariances.shape, expected)

    @property
    def degree(self) -> int:
        """Degree of the polynomials in time."""
        return self.covariances.shape[-1]

    @property
    def covariance(self) -> np.ndarray:
        """Covariance of the whole mixture [shape=(degree, degree)]."""
        return np.einsum("k,kij->ij", self.weights, self.covariances)

    def responsibilities(self, likelihood: DriftLikelihood) -> np.ndarray:
        """Compute the posterior probability of each component [shape=(planet, component)]."""
        return _expectation(self, likelihood)[0]

    def planet_covariances(self, likelihood: DriftLikelihood) -> np.ndarray:
        """Average the covariances of the components, weighted by their posterior probability.

        One Gaussian of this covariance per planet approximates the mixture. The approximation is
        exact where one component dominates, as for most planets.

        Returns
        -------
        ndarray [shape=(planet, degree, degree)]
        """
        return np.einsum("pk,kij->pij", self.responsibilities(likelihood), self.covariances)

    def learn(self, likelihood: DriftLikelihood) -> DriftMixture:
        """Learn from a batch of planets by expectation-maximisation, starting from this mixture.

        Inverse-Wishart priors of strength `EM_STRENGTH`, centred on the starting components,
        regularise the result for a handful of planets.
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
    """Build the prior of a drift that is a polynomial in the time since the visit began.

    Returns
    -------
    DriftMixture
        Mixture of degree `DEGREE` with three equally likely components of different amplitude.
    """
    modes = _power_modes() * MONOMIAL_SIGMA
    covariances = [scale**2 * modes.T @ modes for scale in COMPONENT_SCALES]
    n = len(COMPONENT_SCALES)
    return DriftMixture(np.full(n, 1 / n), np.stack(covariances))


def _power_modes() -> np.ndarray:
    """Expand u**1 .. u**5, u the elapsed fraction of the visit, in P_1 .. P_5 (power, degree)."""
    u = np.linspace(0, 1, 201)
    powers = [np.polynomial.legendre.legfit(2 * u - 1, u**k, DEGREE) for k in range(1, DEGREE + 1)]
    return np.stack(powers)[:, 1:]


def _expectation(
    mixture: DriftMixture, likelihood: DriftLikelihood
) -> tuple[np.ndarray, np.ndarray]:
    """Compute the expectation step.

    Returns
    -------
    responsibilities : ndarray [shape=(planet, component)]
    moments : ndarray [shape=(component, planet, degree, degree)]
        Posterior second moments of the coefficients.
    """
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
