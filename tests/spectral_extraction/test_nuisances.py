"""The prior of the nuisance parameters and its marginals, against dense Gaussians."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from ariel_kit.light_curve.drift import (
    COLUMNS,
    DEGREE,
    SCALES,
    DriftPrior,
    column_modes,
    default_drift,
    time_modes,
)
from ariel_kit.light_curve.rank_one import RankOnePrior
from ariel_kit.light_curve.systematics import BlindLikelihood
from ariel_kit.spectral_extraction.nuisances import N_DRIFT, NuisancePrior

GREY = default_drift().covariance
WINDOW = 4
SIZE = N_DRIFT + WINDOW


def make_prior(n: int) -> NuisancePrior:
    same = np.broadcast_to(GREY, (n, DEGREE, DEGREE))
    window = np.broadcast_to(np.diag([1.0, 4.0, 9.0, 16.0]), (n, WINDOW, WINDOW))
    return NuisancePrior.of(DriftPrior(fgs1=1.3 * same, grey=same), window, torch.device("cpu"))


def some_likelihood(n: int, rng: np.random.Generator) -> BlindLikelihood:
    """A likelihood that correlates all nuisance parameters."""
    scale = np.concatenate([np.full(N_DRIFT, 1e4), np.full(WINDOW, 3.0)])
    root = rng.standard_normal((n, SIZE, 2 * SIZE)) * scale[:, None]
    information = rng.standard_normal((n, SIZE)) * scale
    return BlindLikelihood(
        torch.as_tensor(root @ root.transpose(0, 2, 1)), torch.as_tensor(information)
    )


def test_the_posterior_is_that_of_one_dense_gaussian(rng: np.random.Generator) -> None:
    """The drift has no rank-one part, so that its prior is Gaussian."""
    covariance = np.kron(GREY, np.diag(np.linspace(1, 0.1, COLUMNS)))
    free = RankOnePrior(
        time=torch.eye(DEGREE).double().expand(2, 1, -1, -1),
        columns=1e-12 * torch.eye(COLUMNS).double()[None],
        rest=torch.as_tensor(covariance).expand(2, 1, -1, -1),
        log_weights=torch.zeros(1).double(),
    )
    prior, blind = replace(make_prior(2), drift=free), some_likelihood(2, rng)
    pull = torch.as_tensor(rng.standard_normal((2, SIZE)))
    pull[:, :N_DRIFT] = 0
    found, _ = prior.posterior(blind, pull)
    precision = prior.others.clone()
    precision[:, DEGREE:N_DRIFT, DEGREE:N_DRIFT] = torch.as_tensor(np.linalg.inv(covariance))
    expected = BlindLikelihood(blind.precision, blind.information).posterior(precision, pull)
    sigma = torch.sqrt(torch.diagonal(expected.covariance, dim1=1, dim2=2))
    assert ((found.mean - expected.mean) / sigma).abs().max() < 1e-5
    outer = sigma[:, :, None] * sigma[:, None, :]
    assert torch.allclose(found.covariance / outer, expected.covariance / outer, atol=1e-5)


def test_components_are_sizes_of_the_mission_first_and_of_no_family_after() -> None:
    prior = make_prior(1).drift
    n = len(SCALES)
    assert prior.time.shape[1] == len(prior.columns) == prior.rest.shape[1] == 2 * n
    assert np.allclose(prior.time[0, 0], time_modes())
    assert np.allclose(prior.columns[n + 3], SCALES[3] * column_modes())
    # a drift of no family has white light's course, of the mission's size
    free = (prior.time[0, n] @ prior.time[0, n].T).numpy()
    assert np.allclose(free / np.trace(free), GREY / np.trace(GREY))
    assert np.isclose(np.trace(free), np.trace(time_modes() @ time_modes().T))
    assert prior.rest[0, :n].abs().max() < 1e-17
    assert np.allclose(prior.rest[0, -1] / prior.rest[0, n], (SCALES[-1] / SCALES[0]) ** 2, rtol=1)


def test_the_mission_sizes_are_those_of_its_powers() -> None:
    """F and G turn coefficients that are uniform in (-1, 1) into Legendre coefficients."""
    u = np.linspace(0, 1, 50)
    series = np.polynomial.legendre.Legendre([0, *time_modes()[:, 2]])(2 * u - 1)
    assert np.allclose(series - series[0], (u**3 - u[0] ** 3) / np.sqrt(3))
