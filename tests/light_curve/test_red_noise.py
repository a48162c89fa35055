"""Red noise: its factor against explicit averages, and its effect on the fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ariel_kit.core.observation import Visit
from ariel_kit.core.spectrum import Spectrum
from ariel_kit.light_curve.red_noise import LENGTHS, USUAL_RED, red_noise_factor
from ariel_kit.simulation import draw_planets, simulate_light_curves
from ariel_kit.spectral_extraction import fit_light_curves, simulated_prior

HOURS = 0.04
PRIOR = simulated_prior(0, 60)


def test_white_noise_has_no_factor(rng: np.random.Generator) -> None:
    """The residual of a fit is white noise minus five polynomials and a level."""
    noise = rng.standard_normal((400, 187))
    basis = np.linalg.qr(np.polynomial.legendre.legvander(np.linspace(-1, 1, 187), 5))[0]
    factor = red_noise_factor(noise - noise @ basis @ basis.T, HOURS)
    assert np.mean(factor > 1) < 0.05


def test_the_factor_is_the_scatter_of_means(rng: np.random.Generator) -> None:
    residual = np.cumsum(rng.standard_normal((3, 187)), axis=1)
    residual -= residual.mean(axis=1, keepdims=True)
    expected = []
    for row in residual:
        betas = []
        for hours in LENGTHS:
            n = round(hours / HOURS)
            means = [row[i : i + n].mean() for i in range(0, len(row) - n + 1, n)]
            betas.append(np.sqrt(n * np.mean(np.square(means))))
        expected.append(max(betas))
    assert min(expected) > USUAL_RED
    np.testing.assert_allclose(red_noise_factor(residual, HOURS), expected)


def test_bins_as_long_as_the_stretches_are_not_averaged() -> None:
    assert red_noise_factor(np.full((1, 8), 3.0), 1.0).tolist() == [1.0]


def fit_with_wave(amplitude: float) -> Spectrum:
    """Fit a simulated visit under a wave of 1.2 h, as large in units of white noise as given."""
    (planet,) = draw_planets(1, seed=3)
    ((airs, fgs1),) = simulate_light_curves([planet], seed=0)
    noise = np.sqrt((airs.noise**2).sum(axis=1)) / airs.flux.sum(axis=1)
    wave = 1 + amplitude * noise * np.sin(2 * np.pi * airs.time / 1.2)
    visit = Visit(7, planet.edition, replace(airs, flux=airs.flux * wave[:, None]), fgs1)
    (spectrum,) = fit_light_curves([visit], prior=PRIOR).spectra
    return spectrum


def test_red_noise_widens_the_level_and_is_flagged() -> None:
    steady, shaken = fit_with_wave(0.0), fit_with_wave(2.0)
    assert steady.fit is not None
    assert shaken.fit is not None
    assert "red noise in white light" not in steady.fit.flags
    assert "red noise in white light" in shaken.fit.flags
    moved = shaken.mean[1:].mean() - steady.mean[1:].mean()
    level = [np.sqrt(s.covariance[1:, 1:].mean()) for s in (steady, shaken)]
    assert level[1] > 3 * level[0]
    assert abs(moved) < 2 * level[1]
