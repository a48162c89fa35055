"""Draws, blends, smoothing and temperatures, against brute force and planted errors."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import gamma, kv
from scipy.stats import multivariate_normal, norm

from ariel_kit.core.config import RunSettings, StageSettings, UncertaintySettings
from ariel_kit.core.instruments import N_WAVELENGTHS, wavelengths
from ariel_kit.core.spectrum import Spectrum
from ariel_kit.light_curve.stage import LineState
from ariel_kit.spectral_extraction import simulated_prior
from ariel_kit.uncertainty import (
    Temperature,
    blend,
    combine_draws,
    fit_temperature,
    smooth,
    temperature,
)
from ariel_kit.uncertainty.smoothness import LEVEL_SIGMA
from ariel_kit.uncertainty.stage import UncertaintyStage
from ariel_kit.uncertainty.temperature import REGIME_COVERAGE, STRENGTH
from tests.support.revision_numbers import fit_written_visit

PPM = 1e-6


def spectrum(mean: np.ndarray, sigma: np.ndarray, covariance: np.ndarray | None = None) -> Spectrum:
    return Spectrum(1, wavelengths(), mean, sigma, covariance, {"fit": {"status": "complete"}})


def matern(apart: np.ndarray) -> np.ndarray:
    """Of order 3/2, from the definition by a Bessel function."""
    scaled = np.sqrt(3) * np.maximum(apart, 1e-9)
    return 2 ** (1 - 1.5) / gamma(1.5) * scaled**1.5 * kv(1.5, scaled)


def random_covariance(rng: np.random.Generator) -> np.ndarray:
    """Build a covariance of an offset, a slope and independent errors, in ppm^2."""
    parts = np.stack([np.ones(N_WAVELENGTHS), np.linspace(-1, 1, N_WAVELENGTHS)])
    return (20 * PPM) ** 2 * parts.T @ parts + np.diag(
        rng.uniform(5, 30, N_WAVELENGTHS) ** 2
    ) * 1e-12


def test_total_variance_is_that_of_a_sampled_mixture(rng: np.random.Generator) -> None:
    covariance = random_covariance(rng)
    fit = spectrum(np.full(N_WAVELENGTHS, 2e-3), np.sqrt(np.diag(covariance)), covariance)
    means = fit.mean + 15 * PPM * rng.standard_normal((4, N_WAVELENGTHS))
    scales = rng.uniform(0.5, 1.5, (1, N_WAVELENGTHS)) * np.ones((4, 1))
    both = combine_draws(fit, means, scales**2 * np.diag(covariance))
    samples = []
    for mean, scale in zip(means, scales, strict=True):
        own = scale[:, None] * covariance * scale
        samples.append(rng.multivariate_normal(mean, own, 5000, method="cholesky"))
    samples = np.concatenate(samples)
    assert both.mean == pytest.approx(samples.mean(axis=0), abs=1.5 * PPM)
    assert both.sigma == pytest.approx(samples.std(axis=0), rel=0.04)
    error = np.cov(samples.T, bias=True) - both.covariance
    assert np.abs(error).max() < 0.05 * np.abs(both.covariance).max()


def test_a_model_error_beyond_the_covariance_is_kept(rng: np.random.Generator) -> None:
    covariance = random_covariance(rng)
    plain = np.sqrt(np.diag(covariance))
    fit = spectrum(np.full(N_WAVELENGTHS, 2e-3), 1.3 * plain, covariance)
    both = combine_draws(fit, np.tile(fit.mean, (3, 1)), np.full((3, N_WAVELENGTHS), 1e-10))
    assert both.sigma == pytest.approx(1.3e-5, rel=1e-9)
    assert np.sqrt(np.diag(both.covariance)) == pytest.approx(1e-5, rel=1e-9)


def test_a_blend_is_a_sampled_mixture(rng: np.random.Generator) -> None:
    first = spectrum(np.full(N_WAVELENGTHS, 2e-3), np.full(N_WAVELENGTHS, 20 * PPM))
    second = spectrum(first.mean + 30 * PPM, np.full(N_WAVELENGTHS, 40 * PPM))
    both = blend(first, second)
    share = 20**2 / (20**2 + 40**2)
    chosen = rng.random(400_000) < share
    x = np.where(
        chosen,
        rng.normal(second.mean[0], 40 * PPM, len(chosen)),
        rng.normal(first.mean[0], 20 * PPM, len(chosen)),
    )
    assert both.mean == pytest.approx(x.mean(), abs=0.2 * PPM)
    assert both.sigma == pytest.approx(x.std(), rel=0.01)


def test_agreement_of_two_answers_proves_nothing() -> None:
    """Two equal spectra from the same light curves must not have a smaller sigma."""
    one = spectrum(
        np.full(N_WAVELENGTHS, 2e-3), np.full(N_WAVELENGTHS, 20 * PPM), np.eye(283) * 4e-10
    )
    both = blend(one, one)
    assert both.mean == pytest.approx(one.mean, rel=1e-12)
    assert both.sigma == pytest.approx(one.sigma, rel=1e-12)
    assert both.covariance == pytest.approx(one.covariance, abs=1e-20)


def test_blended_covariances_have_the_blended_sigmas(rng: np.random.Generator) -> None:
    first, second = (
        spectrum(np.full(N_WAVELENGTHS, depth), np.sqrt(np.diag(c)), c)
        for depth, c in ((2e-3, random_covariance(rng)), (2.02e-3, 0.5 * random_covariance(rng)))
    )
    both = blend(first, second)
    assert np.sqrt(np.diag(both.covariance)) == pytest.approx(both.sigma, rel=1e-9)
    assert np.linalg.eigvalsh(both.covariance).min() > 0


@pytest.mark.parametrize("correlated", [True, False])
def test_smoothing_is_the_product_of_two_gaussians(
    correlated: bool, rng: np.random.Generator
) -> None:
    covariance = random_covariance(rng) if correlated else None
    noise = covariance if correlated else np.diag(rng.uniform(10, 40, N_WAVELENGTHS) ** 2) * 1e-12
    given = spectrum(2e-3 + 5e-5 * rng.standard_normal(283), np.sqrt(np.diag(noise)), covariance)
    out = smooth(given, length=9.0, amplitude=40 * PPM)
    x = np.arange(282)
    kernel = np.eye(283)
    kernel[1:, 1:] = matern(np.abs(x[:, None] - x) / 9.0)
    prior = (40 * PPM) ** 2 * (kernel + 1e-9 * np.eye(283)) + LEVEL_SIGMA**2
    expected = np.linalg.inv(np.linalg.inv(noise) + np.linalg.inv(prior))
    centre = given.mean.mean()
    mean = centre + expected @ np.linalg.solve(noise, given.mean - centre)
    assert out.mean == pytest.approx(mean, abs=0.05 * PPM)
    assert out.sigma == pytest.approx(np.sqrt(np.diag(expected)), rel=1e-3)
    assert (out.covariance is None) == (not correlated)


def test_smoothing_helps_a_smooth_truth_and_knows_by_how_much(rng: np.random.Generator) -> None:
    x = np.arange(282)
    kernel = matern(np.abs(x[:, None] - x) / 12.0)
    shapes = 40 * PPM * np.linalg.cholesky(kernel) @ rng.standard_normal((282, 60))
    truth = 2e-3 + np.concatenate([np.zeros((60, 1)), shapes.T], axis=1)
    sigma = np.full(283, 50 * PPM)
    noisy = truth + sigma * rng.standard_normal(truth.shape)
    answers = [smooth(spectrum(row, sigma), length=12.0, amplitude=40 * PPM) for row in noisy]
    error = np.array([a.mean for a in answers])[:, 1:] - truth[:, 1:]
    assert error.std() < 0.6 * 50 * PPM
    assert (error / np.array([a.sigma for a in answers])[:, 1:]).std() == pytest.approx(1, abs=0.06)


def test_the_stage_smooths_fitted_spectra_where_the_settings_ask_for_it() -> None:
    (fitted,) = fit_written_visit().spectra
    state = LineState((), simulated_prior(0, 40), spectra=[fitted])
    wanted = UncertaintySettings(smooth_amplitude=3e-4, smooth_length=9.0)
    off, on = (
        UncertaintyStage.load(RunSettings(stages=StageSettings.only(), uncertainty=group), None, "")
        for group in (UncertaintySettings(), wanted)
    )
    assert off(state).spectra == [fitted]
    (found,), expected = on(state).spectra, smooth(fitted, length=9.0, amplitude=3e-4)
    np.testing.assert_array_equal(found.mean, expected.mean)
    np.testing.assert_array_equal(found.sigma, expected.sigma)
    assert found.provenance["smoothness"]["length"] == 9.0


def planets(
    factor: np.ndarray | float, floor: float, n: int, rng: np.random.Generator, tails: int = 0
) -> tuple[list[Spectrum], np.ndarray]:
    """Draw spectra of many amplitudes, with independent errors `factor` times too large."""
    sigma = np.exp(rng.uniform(np.log(5e-6), np.log(1e-4), (n, 1))) * np.ones(283)
    shape = np.exp(rng.uniform(np.log(0.1), np.log(20), (n, 1))) * np.sin(np.linspace(0, 9, 283))
    mean = 3e-3 + sigma * shape
    draw = rng.standard_normal((n, 283)) if not tails else rng.standard_t(tails, (n, 283))
    truth = mean + np.hypot(np.reshape(factor, (-1, 1)) * sigma, floor) * draw
    return [spectrum(m, s) for m, s in zip(mean, sigma, strict=True)], truth


@pytest.mark.parametrize(("factor", "floor"), [(1.4, 2e-5), (0.7, 5e-6), (1.0, 0.0)])
def test_planted_factor_and_floor_are_found(
    factor: float, floor: float, rng: np.random.Generator
) -> None:
    """With neither planted, the temperature is the identity."""
    found = fit_temperature(*planets(factor, floor, 300, rng))
    assert found.factor == pytest.approx(factor, rel=0.03)
    assert found.floor == pytest.approx(floor, rel=0.05, abs=6e-7)
    assert np.array(found.factors) == pytest.approx(factor, rel=0.05)


def test_a_regime_gets_the_factor_its_planets_ask_for(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Spectra of large amplitude have too small a sigma; the common factor has little weight."""
    monkeypatch.setattr(temperature, "STRENGTH", 5.0)
    spectra, _ = planets(1.0, 0.0, 600, rng)
    strength = np.array([np.std(s.mean) / np.median(s.sigma) for s in spectra])
    rich = strength > np.quantile(strength, 2 / 3)
    error = rng.standard_normal((600, 283)) * np.array([s.sigma for s in spectra])
    truth = np.array([s.mean for s in spectra]) + np.where(rich, 1.6, 1.0)[:, None] * error
    found = np.array(fit_temperature(spectra, truth).factors)
    assert found[:, :2] == pytest.approx(1.0, rel=0.12)
    assert found[:, 2] == pytest.approx(1.6, rel=0.12)


def test_a_regime_of_few_planets_stays_near_the_whole(rng: np.random.Generator) -> None:
    spectra, truth = planets(1.0, 0.0, 45, rng)
    found = fit_temperature(spectra, truth, regimes=3)
    own = 1.3
    rows, columns = found.regimes(
        *(np.array([getattr(s, k) for s in spectra]) for k in ("mean", "sigma"))
    )
    here = (rows == 1) & (columns == 1)
    mean = np.array([s.mean for s in spectra])
    loud = np.where(here[:, None], mean + own * (truth - mean), truth)
    again = fit_temperature(spectra, loud)
    # The conjugate answer: squares averaged over its planets and `STRENGTH` that ask for the whole.
    n, square = (
        here.sum(),
        np.mean(
            ((loud - mean)[here] / [s.sigma for s, h in zip(spectra, here, strict=True) if h]) ** 2
        ),
    )
    expected = np.sqrt((STRENGTH * again.factor**2 + n * square) / (STRENGTH + n))
    assert again.factors[1][1] == pytest.approx(expected, rel=0.02) or (
        # unless the bounds on coverage bind
        again.factors[1][1] == pytest.approx(own * norm.ppf(0.5 + REGIME_COVERAGE[0] / 2), rel=0.05)
    )


def test_long_tails_do_not_widen_all_errors(rng: np.random.Generator) -> None:
    spectra, truth = planets(1.0, 0.0, 300, rng, tails=3)
    found = fit_temperature(spectra, truth)
    warm = [found.apply(s) for s in spectra]
    inside = np.abs(np.array([s.mean for s in warm]) - truth) < np.array([s.sigma for s in warm])
    assert REGIME_COVERAGE[0] <= inside.mean() <= REGIME_COVERAGE[1] + 0.005
    widest = np.std(truth - [s.mean for s in spectra]) / np.sqrt(
        np.mean([s.sigma[0] ** 2 for s in spectra])
    )
    assert widest > 1.5  # what the plain likelihood asks for


def test_the_order_of_planets_does_not_matter(rng: np.random.Generator) -> None:
    spectra, truth = planets(1.2, 1e-5, 60, rng)
    order = rng.permutation(60)
    one = fit_temperature(spectra, truth)
    two = fit_temperature([spectra[i] for i in order], truth[order])
    assert two.factor == pytest.approx(one.factor, rel=1e-3)
    assert np.array(two.factors) == pytest.approx(np.array(one.factors), rel=1e-3)


def test_the_density_after_a_temperature_is_scipys(rng: np.random.Generator) -> None:
    """No other common factor has a higher likelihood."""
    spectra, truth = planets(1.25, 8e-6, 100, rng)
    found = fit_temperature(spectra, truth, regimes=1)

    def likelihood(tried: Temperature) -> float:
        warm = [tried.apply(s) for s in spectra]
        return sum(
            multivariate_normal(s.mean, np.diag(s.sigma**2)).logpdf(t)
            for s, t in zip(warm, truth, strict=True)
        )

    best = likelihood(found)
    for change in (0.97, 1.03):
        other = Temperature(found.factor * change, found.floor, factors=((found.factor * change,),))
        assert likelihood(other) < best


@pytest.mark.parametrize(("n", "size"), [(1, 2.0), (10, 1.3), (60, 0.8)])
def test_a_regime_counts_against_96_planets_that_ask_for_the_whole(
    n: int, size: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Conjugate: squares are averaged over its planets and 96 others of the common factor."""
    monkeypatch.setattr(temperature, "REGIME_COVERAGE", (0.0, 1.0))
    error = np.tile(size * norm.ppf((np.arange(283) + 0.5) / 283), (n, 1))
    error[:, 0] = 1e-9  # the bounds of coverage are those of the smallest and the largest error
    square = np.mean(error**2)
    expected = 1.1 * np.sqrt((n * square / 1.1**2 + 96) / (n + 96))
    found = temperature._shrunk_factor(error, np.ones((n, 283)), 1.1, 0.0)
    assert found == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(("asked", "share"), [(9.0, 0.76), (0.1, 0.60)])
def test_a_regime_covers_between_60_and_76_percent(asked: float, share: float) -> None:
    error = norm.ppf((np.arange(28_300) + 0.5) / 28_300).reshape(100, 283)
    found = temperature._shrunk_factor(error, np.ones(error.shape), asked, 0.0)
    assert np.mean(np.abs(error) < found) == pytest.approx(share, abs=2e-3)
