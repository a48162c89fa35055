"""The losses against scipy and torch, their gradients against closed forms and collapse."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import norm, t

from ariel_kit.training.losses import (
    beta_nll,
    gaussian_nll,
    masked_reconstruction_loss,
    student_nll,
)

PPM = 1e-6


@pytest.fixture
def case(rng):
    """Means, log-variances and targets, as a batch of 4 spectra would have them."""
    mean, log_variance, target = (torch.tensor(rng.normal(size=(4, 283))) for _ in range(3))
    return mean.float(), log_variance.float(), target.float()


def test_the_likelihood_is_that_of_scipy_and_torch(case):
    mean, log_variance, target = case
    got = gaussian_nll(mean, log_variance, target).item()
    sigma = np.exp(0.5 * log_variance.double().numpy())
    assert got == pytest.approx(-norm.logpdf(target, mean, sigma).mean(), rel=1e-6)
    theirs = torch.nn.functional.gaussian_nll_loss(
        mean, target, log_variance.exp(), full=True, eps=1e-12
    )
    assert got == pytest.approx(theirs.item(), rel=1e-6)


def test_beta_weighs_each_element_by_its_variance(case):
    mean, log_variance, target = case
    assert beta_nll(*case, beta=0.0) == gaussian_nll(*case)
    sigma = np.exp(0.5 * log_variance.double().numpy())
    slow = (-norm.logpdf(target, mean, sigma) * sigma**1.4).mean()
    assert beta_nll(*case, beta=0.7).item() == pytest.approx(slow, rel=1e-6)


@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0])
def test_gradients_are_those_of_the_paper(case, beta):
    mean, log_variance, target = case
    mean.requires_grad_()
    log_variance.requires_grad_()
    beta_nll(mean, log_variance, target, beta=beta).backward()
    variance, n = log_variance.detach().exp(), mean.numel()
    error = (mean - target).detach()
    torch.testing.assert_close(mean.grad, error / variance ** (1 - beta) / n)
    torch.testing.assert_close(
        log_variance.grad, 0.5 * (1 - error**2 / variance) * variance**beta / n
    )


def unlearned_share(beta: float) -> float:
    """What is left of a sine after 50 steps on the mean, under a variance that is far too wide."""
    x = torch.linspace(0, 20, 400)
    target = 0.01 * torch.sin(x)
    mean, log_variance = torch.zeros_like(x, requires_grad=True), torch.full_like(x, 6.0)
    optimizer = torch.optim.SGD([mean], lr=100.0)
    for _ in range(50):
        optimizer.zero_grad()
        beta_nll(mean, log_variance, target, beta=beta).backward()
        optimizer.step()
    return ((mean - target).norm() / target.norm()).item()


@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0])
def test_a_wide_variance_starves_the_plain_likelihood_and_not_beta(beta):
    rate = 100.0 / 400 * np.exp(6.0) ** (beta - 1)  # each step takes this share of what is left
    assert unlearned_share(beta) == pytest.approx((1 - rate) ** 50, rel=1e-3, abs=1e-6)
    assert unlearned_share(0.0) > 0.95
    assert unlearned_share(1.0) < 1e-5


@pytest.mark.parametrize("beta", [0.0, 0.5])
def test_sigmas_of_five_ppm_are_in_reach(rng, beta):
    target = torch.tensor(rng.normal(scale=5 * PPM, size=4000)).float()
    log_variance = torch.tensor(2 * np.log(200 * PPM), dtype=torch.float32, requires_grad=True)
    optimizer = torch.optim.Adam([log_variance], lr=0.1)
    for _ in range(1500):
        optimizer.zero_grad()
        beta_nll(torch.zeros(4000), log_variance.expand(4000), target, beta=beta).backward()
        optimizer.step()
    sigma = (0.5 * log_variance).exp().item()
    assert sigma == pytest.approx(target.square().mean().sqrt().item(), rel=1e-3)


def test_losses_are_float32_whatever_the_network_gives(case):
    halves = [tensor.bfloat16() for tensor in case]
    singles = [tensor.float() for tensor in halves]
    for loss in (gaussian_nll, beta_nll):
        assert loss(*halves).dtype == torch.float32
        assert loss(*halves) == loss(*singles)
    hidden = torch.ones(4, 1, dtype=torch.bool)
    assert masked_reconstruction_loss(*halves[:2], hidden).dtype == torch.float32


def test_only_what_was_hidden_counts(case, rng):
    prediction, target, _ = case
    hidden = torch.tensor(rng.random(283) < 0.75)
    prediction.requires_grad_()
    loss = masked_reconstruction_loss(prediction, target, hidden)
    columns = hidden.numpy()
    slow = ((prediction.detach().numpy() - target.numpy())[:, columns] ** 2).mean()
    assert loss.item() == pytest.approx(slow, rel=1e-6)
    loss.backward()
    assert torch.all(prediction.grad[:, ~hidden] == 0)
    assert torch.all(prediction.grad[:, hidden] != 0)


def test_copying_what_is_visible_earns_nothing(case):
    _, target, _ = case
    hidden = torch.zeros(283, dtype=torch.bool)
    hidden[100:] = True
    copied = torch.where(hidden, 0.0, target)
    nothing = torch.zeros_like(target)
    losses = [masked_reconstruction_loss(p, target, hidden) for p in (copied, nothing)]
    assert losses[0] == losses[1] > 0


def test_what_is_visible_may_be_anything_and_hiding_nothing_is_no_loss(case):
    prediction, target, _ = case
    hidden = torch.zeros(283, dtype=torch.bool)
    assert masked_reconstruction_loss(prediction, target, hidden) == 0
    hidden[5] = True
    target[:, 0] = torch.nan
    prediction.requires_grad_()
    loss = masked_reconstruction_loss(prediction, target, hidden)
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(prediction.grad).all()


def test_student_is_scipys_of_that_variance(rng):
    mean, target = rng.standard_normal((2, 50))
    log_variance = rng.standard_normal(50)
    found = student_nll(*(torch.as_tensor(a) for a in (mean, log_variance, target)), freedom=5)
    scale = np.exp(0.5 * log_variance) * np.sqrt(3 / 5)
    assert t(5, mean, scale).var() == pytest.approx(np.exp(log_variance))
    expected = -t(5, mean, scale).logpdf(target).mean()
    assert float(found) == pytest.approx(expected, rel=1e-5)


def test_an_outlier_pulls_a_student_no_harder_than_a_neighbour():
    mean = torch.zeros(2, requires_grad=True)
    student_nll(mean, torch.zeros(2), torch.tensor([3.0, 300.0])).backward()
    near, far = mean.grad.abs().tolist()
    assert far < near
