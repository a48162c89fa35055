"""The drift's bases, and the mixture prior against brute-force Gaussian evidence."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from ariel_kit.core.errors import ShapeError
from ariel_kit.core.instruments import N_AIRS, OBSERVATION_HOURS
from ariel_kit.light_curve import drift
from ariel_kit.light_curve.drift import (
    COLOURS,
    DEGREE,
    EM_STRENGTH,
    DriftLikelihood,
    DriftMixture,
    default_drift,
    time_basis,
    wavelength_basis,
)

SIGMA = 1e-4
TIME = (np.arange(24) + 0.5) * OBSERVATION_HOURS / 24


def mixture(scales: tuple[float, ...] = (8e-4, 1.5e-4), degree: int = 3) -> DriftMixture:
    """Correlated components of different sizes."""
    correlated = 0.6 ** np.abs(np.subtract.outer(np.arange(degree), np.arange(degree)))
    falling = np.diag(1 / (1 + np.arange(degree)))
    covariances = [scale**2 * falling @ correlated @ falling for scale in scales]
    weights = np.linspace(1, 2, len(scales))
    return DriftMixture(weights / weights.sum(), np.stack(covariances))


def observe(coefficients: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Noisy samples of the drift itself, one row per planet."""
    clean = coefficients @ time_basis(TIME, coefficients.shape[1]).T
    return clean + SIGMA * rng.standard_normal(clean.shape)


def draw(truth: DriftMixture, n: int, rng: np.random.Generator) -> np.ndarray:
    component = rng.choice(len(truth.weights), size=n, p=truth.weights)
    zero = np.zeros(truth.degree)
    return np.stack([rng.multivariate_normal(zero, truth.covariances[k]) for k in component])


def likelihood_of(samples: np.ndarray, degree: int) -> DriftLikelihood:
    basis = time_basis(TIME, degree)
    precision = np.broadcast_to(basis.T @ basis / SIGMA**2, (len(samples), degree, degree))
    return DriftLikelihood(precision, samples @ basis / SIGMA**2)


def log_evidence(samples: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Of the samples themselves, by scipy: noise and drift as one Gaussian."""
    basis = time_basis(TIME, len(covariance))
    total = SIGMA**2 * np.eye(len(TIME)) + basis @ covariance @ basis.T
    return np.atleast_1d(multivariate_normal(np.zeros(len(TIME)), total).logpdf(samples))


def log_parts(samples: np.ndarray, prior: DriftMixture) -> np.ndarray:
    """Compute the log of weight times evidence of every component and planet."""
    pairs = zip(prior.weights, prior.covariances, strict=True)
    return np.stack([np.log(weight) + log_evidence(samples, c) for weight, c in pairs])


def marginal(samples: np.ndarray, prior: DriftMixture) -> float:
    return float(np.logaddexp.reduce(log_parts(samples, prior)).sum())


def test_time_basis_is_orthogonal_over_the_observation() -> None:
    nodes, weights = np.polynomial.legendre.leggauss(20)
    basis = time_basis((nodes + 1) / 2 * OBSERVATION_HOURS, 6)
    assert basis.shape == (20, 6)
    assert np.allclose((basis.T * weights) @ basis, np.diag(2 / (2 * np.arange(1, 7) + 1)))
    assert np.allclose(weights @ basis, 0)


def test_time_basis_spans_the_hours_it_is_given() -> None:
    assert np.allclose(time_basis(np.array([0.0, 10.0]), 3, hours=10.0), [[-1, 1, -1], [1, 1, 1]])


def test_white_light_sees_only_the_first_mode_in_wavelength(rng: np.random.Generator) -> None:
    light = rng.uniform(1e3, 1e5, (3, N_AIRS))
    modes = wavelength_basis(light)
    assert modes.shape == (3, N_AIRS, 1 + COLOURS)
    assert np.array_equal(modes[:, :, 0], np.ones((3, N_AIRS)))
    white = np.einsum("pl,plj->pj", light, modes) / light.sum(axis=1, keepdims=True)
    assert np.allclose(white, [1, 0, 0, 0], atol=1e-14)
    # still the polynomials up to degree 3, nothing else
    x = np.linspace(-1, 1, N_AIRS)
    for planet in modes:
        assert np.linalg.matrix_rank(np.column_stack([planet, np.vander(x, 4)])) == 4
    assert np.allclose(wavelength_basis(7 * light), modes, atol=1e-14)


def test_responsibilities_are_gaussian_evidence(rng: np.random.Generator) -> None:
    prior = mixture((8e-4, 3e-4, 5e-5))
    samples = observe(draw(prior, 12, rng), rng)
    parts = log_parts(samples, prior)
    expected = np.exp(parts - np.logaddexp.reduce(parts)).T
    found = prior.responsibilities(likelihood_of(samples, 3))
    assert np.allclose(found, expected, atol=1e-9)
    assert (found.max(axis=1) < 0.999).any()  # otherwise nothing was tested
    covariances = prior.planet_covariances(likelihood_of(samples, 3))
    assert np.allclose(covariances, np.tensordot(expected, prior.covariances, 1), rtol=1e-7, atol=0)


def penalised(samples: np.ndarray, prior: DriftMixture, start: DriftMixture) -> float:
    """Compute the objective of the learning: marginal likelihood and priors."""
    belief = 0.0
    for weight, covariance, begun, first in zip(
        prior.weights, prior.covariances, start.covariances, start.weights, strict=True
    ):
        trace = np.trace(np.linalg.solve(covariance, begun))
        belief -= EM_STRENGTH / 2 * (np.linalg.slogdet(covariance)[1] + trace)
        belief += EM_STRENGTH * first * np.log(weight)
    return marginal(samples, prior) + belief


def test_every_round_of_learning_raises_the_likelihood(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = mixture((6e-4, 2e-4))
    samples = observe(draw(mixture((1.5e-3, 4e-5)), 60, rng), rng)
    climb = []
    for rounds in (0, 1, 2, 3, 6, 12, 40):
        monkeypatch.setattr(drift, "EM_ROUNDS", rounds)
        climb.append(penalised(samples, start.learn(likelihood_of(samples, 3)), start))
    assert np.all(np.diff(climb) > -1e-9)
    assert climb[-1] > climb[0] + 10
    learned = start.learn(likelihood_of(samples, 3))
    assert marginal(samples, learned) > marginal(samples, start) + 10


def test_learning_recovers_the_components_of_many_planets(rng: np.random.Generator) -> None:
    truth = mixture((1.5e-3, 2.5e-4))
    samples = observe(draw(truth, 3000, rng), rng)
    learned = mixture((8e-4, 5e-4)).learn(likelihood_of(samples, 3))
    assert np.allclose(learned.weights, truth.weights, atol=0.03)
    for found, planted in zip(learned.covariances, truth.covariances, strict=True):
        unit = np.sqrt(np.multiply.outer(np.diag(planted), np.diag(planted)))
        assert np.allclose(found / unit, planted / unit, atol=0.15)


def test_learning_does_not_care_about_the_order_of_planets(rng: np.random.Generator) -> None:
    samples = observe(draw(mixture(), 40, rng), rng)
    learned = mixture().learn(likelihood_of(samples, 3))
    again = mixture().learn(likelihood_of(samples[::-1], 3))
    assert np.allclose(again.covariances, learned.covariances, rtol=1e-8, atol=0)


def test_planets_that_say_nothing_leave_the_start() -> None:
    start = default_drift()
    silent = DriftLikelihood(np.zeros((7, DEGREE, DEGREE)), np.zeros((7, DEGREE)))
    assert np.allclose(start.responsibilities(silent), start.weights)
    learned = start.learn(silent)
    assert np.allclose(learned.weights, start.weights)
    assert np.allclose(learned.covariances, start.covariances, rtol=1e-6, atol=1e-18)


def test_default_drift_starts_at_rest_and_has_the_real_sizes() -> None:
    """Powers of the time since the start: no drift there; P1..P4 of some hundred ppm."""
    start = default_drift()
    assert start.degree == DEGREE
    assert start.weights.sum() == pytest.approx(1)
    size = np.sqrt(np.diag(start.covariance)) * 1e6
    assert np.all(np.diff(size) < 0)
    assert 500 < size[0] < 1500
    steps = np.diff(time_basis(np.array([0, 0.1, 0.9, 1]) * OBSERVATION_HOURS, DEGREE), axis=0)
    first, _, last = np.sqrt(np.einsum("si,ij,sj->s", steps, start.covariance, steps))
    assert last > 5 * first


def test_covariances_must_fit_the_weights() -> None:
    with pytest.raises(ShapeError, match="covariances must have 2 along 'component'"):
        DriftMixture(np.ones(2) / 2, np.stack([np.eye(3)] * 3))
