"""The marginal likelihood, against one dense linear model of all parameters."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
import torch

from ariel_kit.core.instruments import N_AIRS, N_WAVELENGTHS, OBSERVATION_HOURS
from ariel_kit.core.observation import LightCurves
from ariel_kit.light_curve.checks import summed
from ariel_kit.light_curve.drift import (
    COLUMNS,
    DriftPrior,
    column_basis,
    default_drift,
    time_basis,
)
from ariel_kit.light_curve.population import UNIFORM_STARS
from ariel_kit.light_curve.rank_one import RankOnePrior
from ariel_kit.light_curve.transit import TransitShape, transit_window
from ariel_kit.light_curve.white_light import WhiteLight, fit_white_light
from ariel_kit.spectral_extraction.channel import Channel
from ariel_kit.spectral_extraction.joint_fit import JointFit
from ariel_kit.spectral_extraction.linearised import DepthLikelihood, Linearised
from ariel_kit.spectral_extraction.nuisances import N_DRIFT
from tests.support.visits import scaled

COVARIANCE = default_drift().covariance
DEGREE = len(COVARIANCE)
FREE_COLUMNS = np.array([1.0, 0.8, 0.4, 0.2, 0.1, 0.1])
"""Prior scale of each order over the columns, for a drift that need not be of rank one."""
STEPS = np.array([2e-4, 2e-4, 1e-2])
"""Of differences in mid-time, logarithm of the half-duration and squared impact parameter."""
LEVELS = 4e4 * np.exp(-((np.linspace(-0.6, 1.2, N_AIRS)) ** 2))
"""Mean electrons per CDS frame and AIRS wavelength."""


class Planet(NamedTuple):
    airs: LightCurves
    fgs1: LightCurves
    depths: np.ndarray


def grid(bins: int, *, even: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Bins that fill the observation; uneven ones differ by a factor of five in length."""
    lengths = np.ones(bins) if even else np.tile([1.0, 3.0, 5.0, 2.0], bins)[:bins]
    edges = np.concatenate([[0], np.cumsum(lengths)]) / lengths.sum() * OBSERVATION_HOURS
    return (edges[1:] + edges[:-1]) / 2, np.diff(edges)


def make_planet(
    seed: int, *, bins: int = 40, noise: float = 1.0, ppm: float = 1.0, even: bool = True
) -> Planet:
    """Draw a planet from the fit's own model.

    `noise` scales the noise that is drawn, and `ppm` the noise that the light curves state.
    """
    rng = np.random.default_rng(seed)
    x = np.linspace(0, 3, N_AIRS)
    depths = 0.003 + 1e-4 * np.concatenate([[-0.8], np.sin(2 * x + seed) + 0.3 * np.cos(9 * x)])
    time, span = grid(bins, even=even)
    basis = time_basis(time, DEGREE)
    window = transit_window(time, span, TransitShape(3.77, 1.28, 1.4), depths).T
    grey, fgs1_drift = rng.multivariate_normal(np.zeros(DEGREE), COVARIANCE, 2)
    modes = column_basis()
    drift = np.outer(basis @ grey, modes @ [1.0, 0.5 * rng.standard_normal(), 0.2, 0, 0, 0])
    curves = []
    pairs = (
        (LEVELS, drift, depths[1:]),
        (np.array([2.5e5]), basis @ fgs1_drift[:, None], depths[:1]),
    )
    for (level, slow, depth), seen in zip(pairs, (window[:, 1:], window[:, :1]), strict=True):
        flux = level * np.exp(slow) * (1 - depth * seen)
        sigma = np.broadcast_to(np.sqrt(level) / np.sqrt(span / span.mean())[:, None], flux.shape)
        sigma = sigma * 0.2
        flux = flux + noise * sigma * rng.standard_normal(flux.shape)
        curves.append(LightCurves(time, span, flux, sigma * ppm))
    return Planet(*curves, depths)


def white_light(planets: list[Planet]) -> WhiteLight:
    return fit_white_light(summed([planet.airs for planet in planets]), COVARIANCE)


def shape_of(window: np.ndarray) -> TransitShape:
    """The path whose half-duration ends at the limb."""
    mid_time, log_half, impact = window
    return TransitShape(mid_time, np.exp(log_half), 1 / (1 - impact))


def move(fit: JointFit, linearised: Linearised, depths: np.ndarray) -> None:
    """Set depths and their window as the reference."""
    nuisances = linearised.nuisances_at(torch.as_tensor(depths))
    window = fit.window + nuisances[:, N_DRIFT:].numpy()
    fit.move_to(window, torch.as_tensor(depths), nuisances[:, :N_DRIFT])


def drift_prior(n: int) -> DriftPrior:
    """Build a prior with a different matrix for each planet, so that a mix-up shows."""
    same = np.broadcast_to(COVARIANCE, (n, DEGREE, DEGREE))
    size = 1 + np.arange(n)[:, None, None]
    return DriftPrior(fgs1=1.3 * same * size, grey=same / size)


def joint_fit(planets: list[Planet], drift: DriftPrior | None = None) -> JointFit:
    drift = drift or drift_prior(len(planets))
    return JointFit(
        [planet.airs for planet in planets],
        [planet.fgs1 for planet in planets],
        white_light(planets),
        drift,
    )


def solve(likelihood: DepthLikelihood) -> tuple[np.ndarray, np.ndarray]:
    """Depths of highest likelihood, and their covariance."""
    covariance = np.stack([np.linalg.inv(p) for p in likelihood.precision.numpy()])
    return np.einsum("pij,pj->pi", covariance, likelihood.information.numpy()), covariance


def channel_model(curves: LightCurves, white: WhiteLight, row: int) -> np.ndarray:
    """Build the columns in time: level, drift, and numerical derivatives by window and depth."""

    def light(offset: np.ndarray) -> np.ndarray:
        shape, depth = shape_of(white.window[row] + offset[:3]), white.depth[row] + offset[3]
        return np.log(1 - depth * transit_window(curves.time, curves.span, shape, depth))

    steps = np.diag([*STEPS, 1e-3 * white.depth[row]])
    slopes = [(light(step) - light(-step)) / (2 * step.sum()) for step in steps]
    basis = time_basis(curves.time, DEGREE)
    return np.column_stack([np.ones(len(basis)), basis, *slopes])


def dense_posterior(
    planet: Planet, white: WhiteLight, drift: DriftPrior, row: int, *, every_point: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Covariance and mean of the depths from the normal equations of all 594 parameters.

    Parameters are 283 levels, 283 depths, the drifts of FGS1 and AIRS, the shape. A row of the
    design is one wavelength at one time; its weight that of the fit or, with `every_point`, its
    own inverse variance.
    """
    n_drift = DEGREE * (1 + COLUMNS)
    size = 2 * N_WAVELENGTHS + n_drift + 3
    modes = column_basis()
    shape = np.arange(3) + size - 3
    normal, right = np.zeros((size, size)), np.zeros(size)
    for which, curves in enumerate((planet.fgs1, planet.airs)):
        columns = channel_model(curves, white, row)
        weight = (curves.flux / curves.noise) ** 2
        if not every_point:
            over_time = 1 / (curves.noise**2).sum(axis=1)
            weight = np.outer(over_time, weight.sum(axis=0) / over_time.sum())
        shape_in_time = shape_of(white.window[row])
        window = transit_window(curves.time, curves.span, shape_in_time, white.depth[row])
        reference = np.log(1 - white.depth[row] * window)
        for wavelength in range(curves.flux.shape[1]):
            index = which + wavelength
            design = np.zeros((len(curves.time), size))
            design[:, index] = 1
            design[:, N_WAVELENGTHS + index] = columns[:, -1]
            first = 2 * N_WAVELENGTHS + which * DEGREE
            for j in range(COLUMNS if which else 1):
                place = first + j * DEGREE + np.arange(DEGREE)
                design[:, place] = columns[:, 1 : 1 + DEGREE] * (
                    modes[wavelength, j] if which else 1
                )
            design[:, shape] = columns[:, 1 + DEGREE : 4 + DEGREE]
            residual = np.log(curves.flux[:, wavelength]) - reference
            weighted = design.T * weight[:, wavelength]
            normal += weighted @ design
            right += weighted @ residual
    first = 2 * N_WAVELENGTHS
    blocks = [drift.fgs1[row], *(drift.grey[row] * scale**2 for scale in FREE_COLUMNS)]
    for j, block in enumerate(blocks):
        place = slice(first + j * DEGREE, first + (j + 1) * DEGREE)
        normal[place, place] += np.linalg.inv(block)
    believed = np.linalg.inv(UNIFORM_STARS.covariance)
    normal[np.ix_(shape, shape)] += believed
    right[shape] += believed @ (UNIFORM_STARS.coefficients[0] - white.window[row])
    # A flat prior on the levels: their weights alone hold them.
    scale = 1 / np.sqrt(np.diag(normal))
    covariance = np.linalg.inv(normal * np.outer(scale, scale)) * np.outer(scale, scale)
    depths = slice(N_WAVELENGTHS, 2 * N_WAVELENGTHS)
    return covariance[depths, depths], white.depth[row] + (covariance @ right)[depths]


def free_drift(fit: JointFit) -> JointFit:
    """Give AIRS's drift no rank-one part: what is left is Gaussian, and the posterior exact."""
    grey = torch.as_tensor(fit.drift.grey)
    columns = torch.diag(torch.as_tensor(FREE_COLUMNS**2))
    n = len(grey)
    prior = RankOnePrior(
        time=torch.eye(DEGREE).double().expand(n, 1, -1, -1),
        columns=1e-12 * torch.eye(COLUMNS).double()[None],
        rest=torch.stack([torch.kron(one, columns) for one in grey])[:, None],
        log_weights=torch.zeros(1).double(),
    )
    fit._prior = replace(fit._prior, drift=prior)
    return fit


@pytest.mark.parametrize("even", [True, False])
def test_elimination_equals_one_dense_system(even: bool) -> None:
    """With a drift that is free over time and columns, whose prior is Gaussian."""
    planets = [make_planet(seed, even=even) for seed in (1, 2)]
    drift = drift_prior(2)
    white = white_light(planets)
    likelihood = free_drift(joint_fit(planets, drift)).linearise().likelihood
    means, covariances = solve(likelihood)
    for row, planet in enumerate(planets):
        covariance, mean = dense_posterior(planet, white, drift, row)
        sigma = np.sqrt(np.diag(covariance))
        assert np.allclose(
            covariances[row] / np.outer(sigma, sigma),
            covariance / np.outer(sigma, sigma),
            atol=1e-4,
        )
        assert np.abs((means[row] - mean) / sigma).max() < 1e-3
        # the shared nuisances must matter here, else nothing was tested
        assert covariance.mean() > 1.5 * np.mean(sigma**2) / N_WAVELENGTHS


def test_one_shape_in_time_for_all_weights_costs_nothing() -> None:
    """The weights agree with the inverse variance of every point."""
    planet = make_planet(3, even=False)
    white, drift = white_light([planet]), drift_prior(1)
    product, mean = dense_posterior(planet, white, drift, 0)
    exact, exact_mean = dense_posterior(planet, white, drift, 0, every_point=True)
    sigma = np.sqrt(np.diag(exact))
    assert np.allclose(np.sqrt(np.diag(product)), sigma, rtol=5e-3)
    assert np.abs((mean - exact_mean) / sigma).max() < 0.03


@pytest.mark.parametrize("even", [True, False])
def test_noiseless_spectrum_comes_back(even: bool) -> None:
    """To half a ppm after relinearising, from a start 100 ppm off and a shape from white light."""
    planets = [make_planet(seed, bins=187, noise=0, ppm=1e-3, even=even) for seed in (1, 2)]
    fit = joint_fit(planets)
    assert np.abs(fit.depths.numpy() - [planet.depths for planet in planets]).max() > 5e-5
    errors = []
    for _ in range(4):
        linearised = fit.linearise()
        depths, _ = solve(linearised.likelihood)
        errors.append(np.abs(depths - [planet.depths for planet in planets]).max() * 1e6)
        move(fit, linearised, depths)
    assert errors[1] < 0.5
    assert errors[-1] < 0.5
    found = np.array([shape_of(window) for window in fit.window])
    assert np.allclose(found, [3.77, 1.28, 1.4], atol=[2e-4, 2e-4, 2e-2])


def test_sigma_is_honest_on_noisy_planets() -> None:
    """Depths, and what the shared nuisances do to their mean, over 24 planets."""
    planets = [make_planet(seed, bins=94) for seed in range(24)]
    n = len(planets)
    same = np.broadcast_to(COVARIANCE, (n, DEGREE, DEGREE))
    fit = joint_fit(planets, DriftPrior(fgs1=same, grey=same))
    depths, covariances = solve(fit.linearise().likelihood)
    error = depths - [planet.depths for planet in planets]
    sigma = np.sqrt(np.diagonal(covariances, axis1=1, axis2=2))
    assert (error / sigma).std() == pytest.approx(1, abs=0.05)
    white = error[:, 1:].mean(axis=1) / np.sqrt(covariances[:, 1:, 1:].mean(axis=(1, 2)))
    assert 0.65 < np.sqrt(np.mean(white**2)) < 1.4
    assert 0.65 < np.sqrt(np.mean((error[:, 0] / sigma[:, 0]) ** 2)) < 1.4


def test_nuisances_are_the_best_ones_for_given_depths() -> None:
    """At the joint optimum they are those of the dense system: the window moves to the truth."""
    planet = make_planet(5, bins=187, noise=0, ppm=0.1)
    fit = joint_fit([planet])
    fit.window = fit.window + np.array([2e-3, -2e-3, 0.01])
    move(fit, fit.linearise(), planet.depths[None])
    assert np.abs(np.array(shape_of(fit.window[0])) - [3.77, 1.28, 1.4])[:2].max() < 3e-4


def test_a_batch_is_its_planets_one_by_one() -> None:
    planets = [make_planet(seed) for seed in (1, 2, 3)]
    drift = drift_prior(3)
    white = white_light(planets)
    together = joint_fit(planets, drift).linearise().likelihood
    for i, planet in enumerate(planets):
        one = [i]
        alone = JointFit(
            [planet.airs],
            [planet.fgs1],
            white.take(one),
            DriftPrior(drift.fgs1[one], drift.grey[one]),
        )
        likelihood = alone.linearise().likelihood
        scale = float(likelihood.precision.abs().max())
        assert torch.allclose(likelihood.precision[0], together.precision[i], atol=1e-12 * scale)
        scale = float(likelihood.information.abs().max())
        assert torch.allclose(
            likelihood.information[0], together.information[i], atol=1e-11 * scale
        )


def test_units_of_the_flux_do_not_matter() -> None:
    planet = make_planet(4)
    other = planet._replace(airs=scaled(planet.airs, 7.3), fgs1=scaled(planet.fgs1, 0.02))
    first, covariance = solve(joint_fit([planet]).linearise().likelihood)
    second, again = solve(joint_fit([other]).linearise().likelihood)
    sigma = np.sqrt(np.diag(covariance[0]))
    assert np.abs((first - second)[0] / sigma).max() < 1e-4
    assert np.allclose(np.diag(again[0]), sigma**2, rtol=1e-5, atol=0)


def test_gain_of_each_wavelength_hardly_matters() -> None:
    """The star's spectrum affects only the definition of white light in the drift's prior."""
    planet = make_planet(4)
    gain = np.random.default_rng(0).uniform(0.7, 1.4, N_AIRS)
    other = planet._replace(airs=scaled(planet.airs, gain))
    first, covariance = solve(joint_fit([planet]).linearise().likelihood)
    second, again = solve(joint_fit([other]).linearise().likelihood)
    sigma = np.sqrt(np.diag(covariance[0]))
    assert np.abs((first - second)[0] / sigma).max() < 0.2
    assert np.allclose(np.sqrt(np.diag(again[0])), sigma, rtol=0.01)


def test_everything_is_double_precision_and_finite() -> None:
    linearised = joint_fit([make_planet(6)]).linearise()
    likelihood = linearised.likelihood
    for tensor in (likelihood.precision, likelihood.information, linearised.nuisances.covariance):
        assert tensor.dtype == torch.float64
        assert bool(torch.isfinite(tensor).all())
    assert torch.allclose(likelihood.precision, likelihood.precision.transpose(1, 2), rtol=1e-9)
    assert float(torch.linalg.eigvalsh(likelihood.precision).min()) > 0


def test_bins_that_hold_nothing_count_for_nothing() -> None:
    """Infinite noise in a bin of all wavelengths is the same as the bin left out."""
    planet = make_planet(7)
    keep = np.arange(40) != 11
    noise = planet.airs.noise.copy()
    noise[11] = np.inf
    held = Channel.of([replace(planet.airs, noise=noise)], torch.device("cpu"))
    shorter = LightCurves(
        planet.airs.time[keep],
        planet.airs.span[keep],
        planet.airs.flux[keep],
        planet.airs.noise[keep],
    )
    short = Channel.of([shorter], torch.device("cpu"))
    product = held.time_weight[:, :, None] * held.weight[:, None, :]
    expected = short.time_weight[:, :, None] * short.weight[:, None, :]
    assert torch.all(product[:, 11] == 0)
    assert torch.allclose(product[:, keep], expected, rtol=1e-12)
