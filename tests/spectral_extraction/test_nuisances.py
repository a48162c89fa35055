"""The prior of the nuisances against dense Gaussians, and gains that were planted."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.stats import multivariate_normal

from ariel_kit.light_curve.drift import (
    COLOUR_SIGMA,
    SECOND_DRIFT,
    DriftPrior,
    default_drift,
    time_basis,
)
from ariel_kit.light_curve.systematics import BlindLikelihood
from ariel_kit.spectral_extraction.nuisances import TERMS, NuisancePrior

GREY = default_drift().covariance
DEGREE = len(GREY)
FGS1 = 1.3 * GREY
SHAPE_SIGMA = np.array([0.2, 0.15, 0.12])
N_SHAPE = len(SHAPE_SIGMA)
SIZE = DEGREE * (1 + TERMS) + N_SHAPE
TIME = np.linspace(0.1, 7.4, 80)


def make_prior(n: int) -> NuisancePrior:
    same = np.broadcast_to(GREY, (n, DEGREE, DEGREE))
    window = np.tile(np.diag(SHAPE_SIGMA**-2.0), (n, 1, 1))
    return NuisancePrior.of(DriftPrior(fgs1=1.3 * same, grey=same), window, torch.device("cpu"))


def draw(gains: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Nuisances whose colours follow white light by `gains` (planet, 3), a tenth of it apart."""
    n = len(gains)
    zero = np.zeros(DEGREE)
    white = rng.multivariate_normal(zero, GREY, n)
    terms = [white]
    for j, sigma in enumerate(COLOUR_SIGMA):
        rest = SECOND_DRIFT * sigma * rng.multivariate_normal(zero, GREY, n)
        terms.append(gains[:, j, None] * white + rest)
    airs = np.stack(terms, axis=2).reshape(n, -1)
    fgs1 = rng.multivariate_normal(zero, FGS1, n)
    return np.concatenate([fgs1, airs, SHAPE_SIGMA * rng.standard_normal((n, N_SHAPE))], axis=1)


def observe(nuisances: np.ndarray, noise: float, rng: np.random.Generator) -> BlindLikelihood:
    """Every drift seen over the same times, the shape seen directly; white noise."""
    basis = time_basis(TIME, DEGREE)
    gram = np.kron(np.eye(1 + TERMS), basis.T @ basis) / noise**2
    precision = np.zeros((SIZE, SIZE))
    order = np.concatenate(
        [
            np.arange(DEGREE),
            *(DEGREE + j + TERMS * np.arange(DEGREE) for j in range(TERMS)),
        ]
    )
    precision[np.ix_(order, order)] = gram
    precision[-N_SHAPE:, -N_SHAPE:] = np.eye(N_SHAPE) * 1e6
    root = np.linalg.cholesky(precision + 1e-9 * np.eye(SIZE))
    shaken = nuisances @ precision + rng.standard_normal(nuisances.shape) @ root.T
    stack = np.broadcast_to(precision, (len(nuisances), SIZE, SIZE))
    return BlindLikelihood(torch.as_tensor(stack.copy()), torch.as_tensor(shaken))


def test_the_prior_is_that_of_drifts_that_follow_white_light(rng: np.random.Generator) -> None:
    """Its covariance is that of many draws."""
    gains = np.array([[0.7, -0.4, 0.1]])
    prior = make_prior(1)
    coupling = prior.coupling(torch.as_tensor(gains))[0].numpy()
    covariance = coupling @ np.linalg.inv(prior.precision[0].numpy()) @ coupling.T
    sample = draw(np.repeat(gains, 40_000, axis=0), rng)
    scale = np.sqrt(np.diag(covariance))
    found = sample.T @ sample / len(sample) / np.outer(scale, scale)
    assert np.allclose(found, covariance / np.outer(scale, scale), atol=0.03)


def test_the_gains_are_those_of_highest_evidence(rng: np.random.Generator) -> None:
    """Against a simplex search on the marginal likelihood of dense Gaussians."""
    truth = draw(rng.standard_normal((3, 3)) * COLOUR_SIGMA, rng)
    blind = observe(truth, 1e-4, rng)
    prior, pull = make_prior(3), torch.zeros(3, SIZE, dtype=torch.float64)
    found, covariance = (a.numpy() for a in prior.find_gains(blind, pull))
    start = np.linalg.inv(prior.precision[0].numpy())
    for planet in range(3):
        precision, information = blind.precision[planet].numpy(), blind.information[planet].numpy()
        seen = np.linalg.solve(precision, information)

        def loss(gains: np.ndarray, precision=precision, seen=seen) -> float:
            coupling = prior.coupling(torch.as_tensor(gains[None]))[0].numpy()
            total = coupling @ start @ coupling.T + np.linalg.inv(precision)
            fit = multivariate_normal(np.zeros(SIZE), total, allow_singular=True).logpdf(seen)
            return -float(fit - 0.5 * np.sum((gains / COLOUR_SIGMA) ** 2))

        best = minimize(loss, found[planet] + 0.1, method="Nelder-Mead", options={"xatol": 1e-4})
        sigma = np.sqrt(np.diag(covariance[planet]))
        assert np.abs((best.x - found[planet]) / sigma).max() < 0.05


@pytest.mark.parametrize("noise", [1e-5, 1e-4, 1e-3])
def test_planted_gains_come_back_with_honest_errors(noise: float, rng: np.random.Generator) -> None:
    n = 200
    gains = rng.standard_normal((n, 3)) * COLOUR_SIGMA
    prior, pull = make_prior(n), torch.zeros(n, SIZE, dtype=torch.float64)
    found, covariance = prior.find_gains(observe(draw(gains, rng), noise, rng), pull)
    sigma = np.sqrt(np.diagonal(covariance.numpy(), axis1=1, axis2=2))
    z = (found.numpy() - gains) / sigma
    assert 0.8 < np.sqrt(np.mean(z**2)) < 1.2
    assert np.all(sigma < 1.01 * np.array(COLOUR_SIGMA))


def hide(blind: BlindLikelihood, truth: np.ndarray, place: int) -> BlindLikelihood:
    """Tell all but one nuisance, of which nothing is said."""
    keep = torch.ones(SIZE, dtype=torch.float64)
    keep[place] = 0
    known = blind.precision[:, :, place] * torch.as_tensor(truth[:, place, None])
    return BlindLikelihood(
        blind.precision * keep[:, None] * keep, (blind.information - known) * keep
    )


def test_knowing_the_gains_tells_what_white_light_hides(rng: np.random.Generator) -> None:
    """A mode of the white drift that nobody sees in white is found from its colours."""
    n = 200
    truth = draw(rng.choice([-1.0, 1.0], (n, 3)) * COLOUR_SIGMA, rng)
    prior, pull = make_prior(n), torch.zeros(n, SIZE, dtype=torch.float64)
    place = int(prior.airs(0)[1])
    blind = hide(observe(truth, 3e-5, rng), truth, place)
    found = prior.posterior(blind, pull)
    error = found.mean[:, place].numpy() - truth[:, place]
    sigma = np.sqrt(found.covariance[:, place, place].numpy())
    uncoupled = blind.posterior(prior.precision, pull).mean[:, place].numpy() - truth[:, place]
    assert error.std() < 0.8 * uncoupled.std()
    assert (error / sigma).std() == pytest.approx(1, abs=0.2)


def test_without_drift_there_is_nothing_to_follow(rng: np.random.Generator) -> None:
    prior, pull = make_prior(30), torch.zeros(30, SIZE, dtype=torch.float64)
    gains, covariance = prior.find_gains(observe(np.zeros((30, SIZE)), 1e-3, rng), pull)
    sigma = np.sqrt(np.diagonal(covariance.numpy(), axis1=1, axis2=2))
    assert np.all(sigma > 0.4 * np.array(COLOUR_SIGMA))
    assert np.all(np.abs(gains.numpy()) < 2 * np.array(COLOUR_SIGMA))


def test_a_batch_is_its_planets_one_by_one(rng: np.random.Generator) -> None:
    truth = draw(rng.standard_normal((3, 3)) * COLOUR_SIGMA, rng)
    blind = observe(truth, 3e-5, rng)
    pull = torch.zeros(3, SIZE, dtype=torch.float64)
    together = make_prior(3).posterior(blind, pull)
    for i in range(3):
        one = BlindLikelihood(blind.precision[i : i + 1], blind.information[i : i + 1])
        alone = make_prior(1).posterior(one, pull[:1])
        assert torch.allclose(alone.mean[0], together.mean[i], rtol=1e-9)
        assert torch.allclose(alone.covariance[0], together.covariance[i], rtol=1e-8)
