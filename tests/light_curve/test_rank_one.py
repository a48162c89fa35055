"""Drifts of rank one against quadrature, dense Gaussians, and drifts of the mission's simulator."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ariel_kit.core.instruments import AIRS, OBSERVATION_HOURS
from ariel_kit.light_curve.drift import (
    COLUMNS,
    DEGREE,
    SCALES,
    DriftPrior,
    column_basis,
    column_modes,
    default_drift,
    learn_weights,
    start_weights,
    time_basis,
    time_modes,
)
from ariel_kit.light_curve.rank_one import RankOnePosterior, RankOnePrior, _Family
from ariel_kit.light_curve.systematics import BlindLikelihood
from ariel_kit.simulation.drift import draw_drift, extracted_columns
from ariel_kit.spectral_extraction.nuisances import airs_drift_prior

TIME = (np.arange(187) + 0.5) / 187 * OBSERVATION_HOURS
WINDOW = (np.abs(TIME - 3.75) < 1.3).astype(float)
NOISE = 1e-3
"""Noise of one wavelength and bin, which is 60 ppm in white light."""


def blind_precision() -> np.ndarray:
    """Likelihood of the drift's 30 coefficients, with every level and depth free."""
    free = np.column_stack([np.ones_like(TIME), WINDOW])
    basis = time_basis(TIME, DEGREE)
    basis = basis - free @ np.linalg.lstsq(free, basis, rcond=None)[0]
    columns = column_basis()
    return np.kron(basis.T @ basis, columns.T @ columns) / NOISE**2


def observe(drifts: np.ndarray, rng: np.random.Generator) -> BlindLikelihood:
    """Draw light curves of drifts with noise [shape=(planet, time, wavelength)]."""
    lines = np.linalg.pinv(time_basis(TIME, DEGREE) - time_basis(TIME, DEGREE).mean(axis=0))
    columns = np.linalg.pinv(column_basis())
    return observe_coefficients(lines @ drifts @ columns.T, rng)


def observe_coefficients(drift: np.ndarray, rng: np.random.Generator) -> BlindLikelihood:
    precision = blind_precision()
    values, vectors = np.linalg.eigh(precision)
    root = vectors * np.sqrt(values.clip(0))
    flat = drift.reshape(len(drift), -1)
    information = flat @ precision + rng.standard_normal(flat.shape) @ root.T
    stack = np.broadcast_to(precision, (len(flat), *precision.shape)).copy()
    return BlindLikelihood(torch.as_tensor(stack), torch.as_tensor(information))


def mission(n: int, rng: np.random.Generator) -> np.ndarray:
    u, v = TIME / OBSERVATION_HOURS, extracted_columns()
    return np.array([draw_drift(rng, AIRS)(u, v) for _ in range(n)])


def coefficients(drifts: np.ndarray) -> np.ndarray:
    """Compute n of drifts, without the constant in time [shape=(planet, 30)]."""
    basis = np.column_stack([np.ones_like(TIME), time_basis(TIME, DEGREE)])
    found = np.linalg.pinv(basis) @ drifts @ np.linalg.pinv(column_basis()).T
    return found[:, 1:].reshape(len(drifts), -1)


def run_prior(n: int) -> RankOnePrior:
    grey = np.broadcast_to(default_drift().covariance, (n, DEGREE, DEGREE))
    return airs_drift_prior(DriftPrior(fgs1=grey, grey=grey), torch.device("cpu"))


def small_prior(rng: np.random.Generator, rests: tuple[float, ...]) -> RankOnePrior:
    """Two degrees in time and two columns are few enough for quadrature."""
    shape = len(rests)
    return RankOnePrior(
        time=torch.as_tensor(rng.standard_normal((1, shape, 2, 2))),
        columns=torch.as_tensor(rng.standard_normal((shape, 2, 2))),
        rest=torch.as_tensor(np.array(rests)[None, :, None, None] ** 2 * np.eye(4)),
        log_weights=torch.log(torch.tensor([0.7, 0.3]).double()),
    )


def by_quadrature(
    prior: RankOnePrior, blind: BlindLikelihood
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Compute share, mean and covariance by sums over a grid in c and the angle of d."""
    grid = np.linspace(-6, 6, 121)
    angle = np.linspace(0, np.pi, 240, endpoint=False)
    c0, c1, angles = (a.ravel() for a in np.meshgrid(grid, grid, angle, indexing="ij"))
    c, d = np.stack([c0, c1], 1), np.sqrt(2) * np.stack([np.cos(angles), np.sin(angles)], 1)
    precision, information = blind.precision[0].numpy(), blind.information[0].numpy()
    totals, means, seconds = [], [], []
    for k, log_weight in enumerate(prior.log_weights.tolist()):
        f = c @ prior.time[0, k].numpy().T
        g = d @ prior.columns[k].numpy().T
        first = (f[:, :, None] * g[:, None, :]).reshape(len(c), 4)
        rest = np.linalg.inv(precision + np.linalg.inv(prior.rest[0, k].numpy()))
        left = information - first @ precision
        log_ratio = first @ information - 0.5 * np.einsum("ni,ij,nj->n", first, precision, first)
        log_ratio += 0.5 * np.einsum("ni,ij,nj->n", left, rest, left) - 0.5 * (c**2).sum(1)
        volume = np.linalg.slogdet(np.eye(4) + prior.rest[0, k].numpy() @ precision)[1]
        weight = np.exp(log_ratio - 0.5 * volume + log_weight)
        drift = first + left @ rest
        totals.append(weight.sum())
        means.append(weight @ drift)
        seconds.append((drift.T * weight) @ drift + weight.sum() * rest)
    total = sum(totals)
    mean = sum(means) / total
    return np.array(totals) / total, mean, sum(seconds) / total - np.outer(mean, mean)


@pytest.mark.parametrize("loud", [0.3, 2.0])
def test_the_posterior_is_that_of_quadrature(loud: float, rng: np.random.Generator) -> None:
    """Mean, covariance and the components' shares agree, for a small and for a large drift."""
    prior = small_prior(rng, (1e-3, 0.4))
    root = rng.standard_normal((4, 4))
    precision = root @ root.T + np.eye(4)
    blind = BlindLikelihood(
        torch.as_tensor(precision[None]),
        torch.as_tensor(loud * (precision @ rng.standard_normal(4))[None]),
    )
    found = prior.posterior(blind)
    share, mean, covariance = by_quadrature(prior, blind)
    sigma = np.sqrt(np.diag(covariance))
    assert np.allclose(found.share[0], share, atol=0.02)
    assert np.abs((found.drift.mean[0].numpy() - mean) / sigma).max() < 0.05
    scaled = found.drift.covariance[0].numpy() / np.outer(sigma, sigma)
    assert np.allclose(scaled, covariance / np.outer(sigma, sigma), atol=0.06)


def test_a_known_course_over_the_columns_leaves_a_linear_fit(rng: np.random.Generator) -> None:
    """Given g, against the normal equations of the drift's 5 coefficients in time."""
    blind = observe(mission(3, rng), rng)
    scale, d = 2e-3, rng.standard_normal((3, COLUMNS))
    time, columns = torch.as_tensor(time_modes()), torch.as_tensor(scale * column_modes())
    family = _Family.of(
        blind.precision[:, None],
        blind.information[:, None],
        time.expand(3, 1, -1, -1),
        columns[None],
    )
    mean, covariance, _ = family.given(torch.as_tensor(d)[:, None, None])
    for row in range(3):
        design = np.kron(time_modes(), (scale * column_modes() @ d[row])[:, None])
        precision = design.T @ blind.precision[row].numpy() @ design + np.eye(DEGREE)
        expected = np.linalg.solve(precision, design.T @ blind.information[row].numpy())
        assert np.allclose(mean[row, 0, 0], expected, rtol=1e-8)
        assert np.allclose(covariance[row, 0, 0], np.linalg.inv(precision), rtol=1e-8)


def test_slopes_are_the_derivatives_of_the_evidence(rng: np.random.Generator) -> None:
    blind = observe(mission(2, rng), rng)
    columns = torch.as_tensor(np.stack([5e-4 * column_modes(), 2e-3 * column_modes()]))
    family = _Family.of(
        blind.precision[:, None].expand(-1, 2, -1, -1),
        blind.information[:, None].expand(-1, 2, -1),
        torch.as_tensor(time_modes()).expand(2, 2, -1, -1),
        columns,
    )
    d = torch.as_tensor(0.1 * rng.standard_normal((2, 2, COLUMNS))).requires_grad_(True)
    value = family.given(d[:, :, None])[2].sum()
    (gradient,) = torch.autograd.grad(value, d, create_graph=True)
    rows = [torch.autograd.grad(gradient[..., j].sum(), d, retain_graph=True)[0] for j in range(6)]
    _, found, curvature, expected = family.slopes(d.detach())
    assert torch.allclose(found, gradient.detach(), rtol=1e-6)
    scale = float(curvature.abs().max())
    assert torch.allclose(curvature, -torch.stack(rows, dim=2), atol=1e-8 * scale)
    assert (torch.linalg.eigvalsh(expected - curvature) > -1e-8 * scale).all()


def along_window(drift: np.ndarray) -> np.ndarray:
    """Compute the contribution of drifts [shape=(planet, 30)] to the white depth."""
    centred = WINDOW - WINDOW.mean()
    seen = np.kron(centred @ time_basis(TIME, DEGREE) / (centred @ centred), column_basis().mean(0))
    return np.asarray(drift @ seen)


def z_of_white_depth(found: RankOnePosterior, truth: np.ndarray) -> np.ndarray:
    seen = along_window(np.eye(DEGREE * COLUMNS))
    error = along_window(found.drift.mean.numpy() - truth)
    return np.asarray(error / np.sqrt(np.einsum("i,pij,j->p", seen, found.drift.covariance, seen)))


def test_planted_drifts_of_the_mission_come_back(rng: np.random.Generator) -> None:
    """The error of their contribution to the white depth agrees with its sigma."""
    drifts = mission(200, rng)
    truth = coefficients(drifts)
    found = run_prior(200).posterior(observe_coefficients(truth, rng))
    z = z_of_white_depth(found, truth)
    assert 0.8 < np.sqrt(np.mean(z**2)) < 1.25
    assert abs(z.mean()) < 3 / np.sqrt(200)
    assert along_window(truth).std() > 8 * along_window(found.drift.mean.numpy() - truth).std()


def test_a_drift_that_white_light_does_not_see_is_found(rng: np.random.Generator) -> None:
    """Where g crosses zero in the middle, the sum over wavelengths stays constant."""
    u = TIME / OBSERVATION_HOURS
    columns = np.linspace(-1, 1, len(extracted_columns()))
    drifts = 2e-3 * np.array([np.outer(u**2 - 0.6 * u**3, columns)])
    truth = coefficients(drifts)
    found = run_prior(1).posterior(observe_coefficients(truth, rng))
    error = (found.drift.mean.numpy() - truth).reshape(DEGREE, COLUMNS)
    found_at_end = time_basis(TIME, DEGREE) @ error @ column_basis()[-1]
    assert np.ptp(found_at_end) < 0.1 * np.ptp(drifts[0, :, -1])


def test_the_evidence_tells_the_size_of_a_drift(rng: np.random.Generator) -> None:
    sizes = np.repeat([3e-4, 5e-3], 40)
    c, d = rng.standard_normal((80, DEGREE)), rng.standard_normal((80, COLUMNS))
    f, g = c @ time_modes().T, d @ column_modes().T
    truth = np.einsum("p,pi,pj->pij", sizes, f, g)
    share = run_prior(80).posterior(observe_coefficients(truth, rng)).share
    told = share[:, : len(SCALES)] + share[:, len(SCALES) :]
    typical = np.exp(told.numpy() @ np.log(SCALES))
    for size, found in zip((3e-4, 5e-3), (typical[:40], typical[40:]), strict=True):
        assert abs(np.log(np.median(found) / size)) < np.log(1.8)


def test_a_second_component_widens_the_prior(rng: np.random.Generator) -> None:
    """The sum of two drifts is not of the mission's family, and the fit recognises this."""
    one, other = mission(40, rng), mission(40, rng)
    single = run_prior(40).posterior(observe(one, rng))
    double = run_prior(40).posterior(observe(one + other, rng))
    free = [part.share[:, len(SCALES) :].sum(1).numpy() for part in (single, double)]
    assert np.median(free[0]) < 0.2
    assert np.mean(free[1] > 0.9) > 0.4
    truth = coefficients(one + other)
    assert 0.7 < np.sqrt(np.mean(z_of_white_depth(double, truth) ** 2)) < 1.4


def test_a_run_teaches_which_sizes_its_drifts_have() -> None:
    """Many planets of one size outweigh the start; one without information changes nothing."""
    evidence = np.full((100, len(start_weights())), -1e3)
    evidence[:, 4] = 0.0
    learned = learn_weights(evidence)
    assert learned[4] > 0.9 * learned[: len(SCALES)].sum()  # among drifts of the family
    assert learned[len(SCALES) :].sum() == pytest.approx(start_weights()[len(SCALES) :].sum())
    assert np.allclose(learn_weights(np.zeros((100, len(start_weights())))), start_weights())
    assert learn_weights(evidence).sum() == pytest.approx(1)
