"""The prior on spectra: its posterior against dense Gaussians, and what it learns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from ariel_kit.core.instruments import N_WAVELENGTHS, wavelengths
from ariel_kit.spectral_extraction import amplitudes, priors
from ariel_kit.spectral_extraction.amplitudes import (
    STRENGTH,
    learn_amplitudes,
    usual_amplitudes,
)
from ariel_kit.spectral_extraction.linearised import DepthLikelihood
from ariel_kit.spectral_extraction.priors import (
    ALPHAS,
    BETAS,
    LEVEL_SIGMA,
    WHITE_SIGMA,
    Posterior,
    SpectrumPrior,
    learn_prior,
    refine_prior,
    simulated_prior,
)

X = np.linspace(-1, 1, N_WAVELENGTHS)
BUMP = np.exp(-0.5 * ((X - 0.3) / 0.1) ** 2) - np.exp(-0.5 * ((X + 0.4) / 0.2) ** 2)
WAVE = np.sin(9 * X)
STEP = np.tanh(8 * (X + 0.1))


def unit(shape: np.ndarray) -> np.ndarray:
    shape = shape - shape[1:].mean()
    return shape / np.sqrt(np.mean(shape**2))


def spectra(n: int, rng: np.random.Generator, *shapes: np.ndarray, ppm: float = 60) -> np.ndarray:
    """Random mixtures of shapes about random levels."""
    size = ppm * 1e-6 * rng.standard_normal((n, len(shapes)))
    return rng.uniform(0.001, 0.006, n)[:, None] + size @ np.stack([unit(s) for s in shapes])


@pytest.fixture(scope="module")
def prior() -> SpectrumPrior:
    return learn_prior(spectra(150, np.random.default_rng(1), BUMP, WAVE, X**2))


def observe(
    depths: np.ndarray, rng: np.random.Generator, *, ppm: float = 100, common_ppm: float = 20
) -> DepthLikelihood:
    """Draw white noise plus one offset per planet, such as a drift leaves."""
    white = ppm * 1e-6 * np.linspace(0.7, 1.3, N_WAVELENGTHS)
    covariance = np.diag(white**2) + (common_ppm * 1e-6) ** 2
    precision = np.linalg.inv(covariance)
    seen = rng.multivariate_normal(np.zeros(N_WAVELENGTHS), covariance, len(depths)) + depths
    stack = np.broadcast_to(precision, (len(depths), *precision.shape)).copy()
    return DepthLikelihood(torch.as_tensor(stack), torch.as_tensor(seen @ precision))


def sigma_of(posterior: Posterior) -> np.ndarray:
    return np.sqrt(np.diagonal(posterior.covariance.numpy(), axis1=1, axis2=2))


def dense_posterior(
    prior: SpectrumPrior, precision: np.ndarray, information: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """One 283 x 283 Gaussian per pair of amplitudes, mixed by explicit evidence.

    Returns mean, covariance, weights and the second moment of the shapes' coefficients.
    """
    features, kinds = prior.features()
    eye = np.eye(N_WAVELENGTHS)
    evidence, means, covariances, moments = [], [], [], []
    for alpha in ALPHAS:
        for beta in BETAS:
            B = features * np.choose(kinds, [1.0, alpha, beta])
            C = B @ B.T + WHITE_SIGMA**2 * eye
            both = np.linalg.inv(eye + C @ precision)
            covariance = both @ C
            mean = covariance @ information
            evidence.append(0.5 * information @ mean + 0.5 * np.linalg.slogdet(both)[1])
            # coefficients given depths: a linear regression on them
            gain = np.linalg.solve(C, B[:, kinds == 1]).T
            left = np.eye(len(gain)) - gain @ B[:, kinds == 1]
            moments.append(left + gain @ (covariance + np.outer(mean, mean)) @ gain.T)
            means.append(mean), covariances.append(covariance)
    log_weights = np.array(evidence) + prior.log_weights.ravel()
    weights = np.exp(log_weights - np.logaddexp.reduce(log_weights))
    mean = weights @ np.array(means)
    total = np.tensordot(weights, np.array(covariances), 1)
    off = np.array(means) - mean
    moment = np.tensordot(weights, np.array(moments), 1)
    return mean, total + (off.T * weights) @ off, weights, moment


@pytest.mark.parametrize("ppm", [0.0, 30.0, 400.0])
def test_posterior_is_the_mixture_of_dense_gaussians(
    prior: SpectrumPrior, ppm: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(amplitudes, "NEGLIGIBLE", 0.0)
    rng = np.random.default_rng(2)
    likelihood = observe(spectra(1, rng, BUMP, STEP, ppm=ppm), rng)
    posterior = prior.posterior(likelihood)
    mean, covariance, weights, moment = dense_posterior(
        prior, likelihood.precision[0].numpy(), likelihood.information[0].numpy()
    )
    assert np.allclose(posterior.weights[0].numpy().ravel(), weights, atol=1e-7)
    assert np.allclose(posterior.mean[0].numpy(), mean, rtol=1e-8, atol=0)
    sigma = np.sqrt(np.diag(covariance))
    assert np.abs(posterior.mean[0].numpy() - mean).max() < 1e-6 * sigma.min()
    scale = np.outer(sigma, sigma)
    assert np.allclose(posterior.covariance[0].numpy() / scale, covariance / scale, atol=1e-6)
    assert np.allclose(posterior.shape_moment[0], moment, rtol=1e-4, atol=1e-4)


def test_leaving_out_unlikely_amplitudes_changes_nothing(
    prior: SpectrumPrior, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(3)
    likelihood = observe(spectra(4, rng, BUMP, STEP), rng)
    short = prior.posterior(likelihood)
    monkeypatch.setattr(amplitudes, "NEGLIGIBLE", 0.0)
    full = prior.posterior(likelihood)
    assert np.abs((short.mean - full.mean).numpy() / sigma_of(full)).max() < 0.005
    assert np.allclose(sigma_of(short), sigma_of(full), rtol=0.005)


def test_flat_planets_get_tight_sigmas_and_rich_ones_wide(prior: SpectrumPrior) -> None:
    rng = np.random.default_rng(4)
    depths = np.vstack([spectra(6, rng, BUMP, WAVE, STEP, ppm=ppm) for ppm in (0, 60, 600)])
    posterior = prior.posterior(observe(depths, rng))
    alpha, beta = (a.reshape(3, 6).mean(axis=1) for a in prior.typical_amplitudes(posterior))
    sigma = sigma_of(posterior).reshape(3, 6, -1).mean(axis=(1, 2))
    assert np.all(np.diff(alpha) > 0)
    assert np.all(np.diff(beta) > 0)
    assert np.all(np.diff(sigma) > 0)
    assert sigma[2] > 1.3 * sigma[0]
    z = (posterior.mean.numpy() - depths) / sigma_of(posterior)
    for part in z.reshape(3, -1):
        assert 0.6 < part.std() < 1.3


def test_a_prior_beats_the_light_curves_alone(prior: SpectrumPrior) -> None:
    rng = np.random.default_rng(5)
    depths = spectra(8, rng, BUMP, WAVE)
    likelihood = observe(depths, rng)
    alone = torch.cholesky_solve(
        likelihood.information[..., None], torch.linalg.cholesky(likelihood.precision)
    )[..., 0]
    errors = [
        np.sqrt(np.mean((d.numpy() - depths) ** 2))
        for d in (prior.posterior(likelihood).mean, alone)
    ]
    assert errors[0] < 0.5 * errors[1]


def test_light_curves_that_say_nothing_leave_the_prior(prior: SpectrumPrior) -> None:
    silent = DepthLikelihood(
        torch.zeros(1, N_WAVELENGTHS, N_WAVELENGTHS, dtype=torch.float64),
        torch.zeros(1, N_WAVELENGTHS, dtype=torch.float64),
    )
    posterior = prior.posterior(silent)
    weights = np.exp(prior.log_weights - prior.log_weights.max())
    assert np.allclose(posterior.weights[0], weights / weights.sum())
    assert np.allclose(posterior.mean, 0)
    assert np.allclose(posterior.shape_moment[0], np.eye(prior.shapes.shape[1]))
    assert np.all(sigma_of(posterior) > 0.99 * LEVEL_SIGMA)


def test_a_planet_without_information_changes_no_shapes(prior: SpectrumPrior) -> None:
    rank = prior.shapes.shape[1]
    moments = np.broadcast_to(np.eye(rank), (5, rank, rank))
    refined = refine_prior(prior, moments, np.stack([prior.amplitudes] * 5), 30.0)
    before, after = (p.shapes @ p.shapes.T for p in (prior, refined))
    assert np.allclose(after, before, atol=1e-12 * np.abs(before).max())
    assert np.allclose(refined.amplitudes, prior.amplitudes, rtol=1e-12, atol=0)


def test_refining_weighs_moments_against_the_strength(prior: SpectrumPrior) -> None:
    rank = prior.shapes.shape[1]
    moment = np.diag(np.arange(1.0, rank + 1))
    weights = np.stack([prior.amplitudes] * 10)
    refined = refine_prior(prior, np.stack([moment] * 10), weights, 30.0)
    expected = prior.shapes @ ((30 * np.eye(rank) + 10 * moment) / 40) @ prior.shapes.T
    assert np.allclose(
        refined.shapes @ refined.shapes.T, expected, atol=1e-10 * np.abs(expected).max()
    )


def test_em_finds_a_shape_that_no_label_has_shown(prior: SpectrumPrior) -> None:
    """The planted shape becomes the first of the learned ones, and the errors shrink."""
    rng = np.random.default_rng(6)
    planted = unit(0.6 * STEP + np.sin(25 * X))
    depths = spectra(16, rng, planted, ppm=80)
    likelihood = observe(depths, rng)
    learned = prior.widened(keep=False)
    errors, shares = [], []
    for _ in range(4):
        posterior = learned.posterior(likelihood)
        errors.append(np.sqrt(np.mean((posterior.mean.numpy() - depths) ** 2)))
        first = np.linalg.svd(learned.shapes[1:])[0][:, 0]
        shares.append(abs(first @ planted[1:]) / np.linalg.norm(planted[1:]))
        moments, weights = posterior.shape_moment.numpy(), posterior.weights.numpy()
        learned = refine_prior(learned, moments, weights, 5.0)
    assert shares[0] < 0.8
    assert shares[-1] > 0.95
    assert errors[-1] < 0.8 * errors[0]


def test_amplitudes_of_many_planets_are_those_of_highest_likelihood() -> None:
    """Without the usual amplitudes, a simplex search for the weights finds the same ones."""
    rng = np.random.default_rng(8)
    usual = usual_amplitudes()
    evidence = np.exp(rng.normal(0, 2, (400, *usual.shape)))
    evidence[:, 3:, :], evidence[:, :, 2:] = 0, 0
    posterior = evidence * usual
    weights = posterior / posterior.sum(axis=(1, 2), keepdims=True)
    found = learn_amplitudes(weights, usual)[:3, :2].ravel()
    scaled = (evidence / evidence.max())[:, :3, :2].reshape(400, -1)
    start = STRENGTH * usual[:3, :2].ravel()

    def loss(logs: np.ndarray) -> float:
        share = np.exp(logs - np.logaddexp.reduce(logs))
        return float(-np.log(scaled @ share).sum() - start @ np.log(share))

    best = minimize(loss, np.zeros(6), method="BFGS").x
    expected = np.exp(best - np.logaddexp.reduce(best))
    assert np.allclose(found / found.sum(), expected, atol=0.01)


def test_a_run_of_weak_features_learns_small_amplitudes_and_tighter_sigmas(
    prior: SpectrumPrior,
) -> None:
    """Planets whose features are a fifth of the labels' teach so, and their sigmas stay honest."""
    rng = np.random.default_rng(9)
    depths = spectra(40, rng, BUMP, WAVE, X**2, ppm=12)
    likelihood = observe(depths, rng, common_ppm=1)
    before = prior.posterior(likelihood)
    refined = replace(prior, amplitudes=learn_amplitudes(before.weights.numpy(), prior.amplitudes))
    after = refined.posterior(likelihood)
    assert refined.amplitudes.sum() == pytest.approx(1)
    assert refined.amplitudes.sum(axis=1) @ ALPHAS < 0.7 * prior.amplitudes.sum(axis=1) @ ALPHAS
    rms = [np.sqrt(np.mean((p.mean.numpy() - depths) ** 2)) for p in (before, after)]
    assert rms[1] < rms[0]
    assert sigma_of(after).mean() < 0.95 * sigma_of(before).mean()
    assert 0.8 < ((after.mean.numpy() - depths) / sigma_of(after)).std() < 1.15


def test_labels_count_by_shape_and_not_by_size() -> None:
    """One planet with features a hundred times larger does not dominate the shapes."""
    rng = np.random.default_rng(7)
    depths = np.vstack([spectra(99, rng, BUMP, ppm=20), 0.003 + 2e-3 * unit(WAVE)[None]])
    shapes = learn_prior(depths).shapes
    bump, wave = (np.sum((unit(s) @ shapes / N_WAVELENGTHS) ** 2) for s in (BUMP, WAVE))
    assert wave < 0.1 * bump


def test_population_and_fallback(prior: SpectrumPrior) -> None:
    depths = spectra(150, np.random.default_rng(1), BUMP, WAVE, X**2)
    assert np.allclose(prior.mean_depth, depths.mean(), atol=0)
    assert np.allclose(prior.sigma_depth, depths.std(), atol=0)
    spread = depths - depths[:, 1:].mean(axis=1, keepdims=True)
    assert prior.spread == pytest.approx(np.sqrt(np.mean(spread**2)))
    spectrum = prior.fallback(42, "the light went out")
    assert spectrum.planet_id == 42
    assert np.array_equal(spectrum.wavelength, wavelengths())
    assert np.array_equal(spectrum.mean, prior.mean_depth)
    assert np.array_equal(spectrum.sigma, prior.sigma_depth)
    assert spectrum.provenance == {"fit": {"status": "fallback", "reason": "the light went out"}}


def test_widening_offers_smooth_shapes_beside_or_instead_of_the_known(
    prior: SpectrumPrior,
) -> None:
    rank = prior.shapes.shape[1]
    both, alone = prior.widened(keep=True), prior.widened(keep=False)
    assert np.array_equal(both.shapes[:, :rank], prior.shapes)
    assert both.shapes.shape[1] == rank + alone.shapes.shape[1]
    assert np.allclose(both.shapes[:, rank:], priors.NEW_SHAPES * alone.shapes, atol=0)
    assert both.source == "labels, predicted planets"
    assert alone.source == "predicted planets"
    # FGS1 has a shape of its own: it is no neighbour of the first AIRS channel
    assert np.count_nonzero(alone.shapes[0]) == 1
    assert np.array_equal(alone.mean_depth, prior.mean_depth)


def test_typical_amplitudes_are_geometric_means(prior: SpectrumPrior) -> None:
    weights = torch.zeros(2, len(ALPHAS), len(BETAS), dtype=torch.float64)
    weights[0, 3, 2] = 1
    weights[1, 3, 2] = weights[1, 5, 4] = 0.5
    empty = torch.zeros(0)
    alpha, beta = prior.typical_amplitudes(Posterior(empty, empty, weights, empty))
    assert np.allclose(alpha, [ALPHAS[3], np.sqrt(ALPHAS[3] * ALPHAS[5])])
    assert np.allclose(beta, [BETAS[2], np.sqrt(BETAS[2] * BETAS[4])])


def test_simulated_prior_is_the_same_every_time() -> None:
    first, again, other = simulated_prior(0, 60), simulated_prior(0, 60), simulated_prior(1, 60)
    assert np.array_equal(first.shapes, again.shapes)
    assert not np.array_equal(first.shapes, other.shapes)
    assert first.source == "simulated spectra"
    assert 1e-5 < first.spread < 1e-3
