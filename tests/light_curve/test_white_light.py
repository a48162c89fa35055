"""The white-light fit against planted transits, scipy's optimiser and brute-force algebra."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from scipy.optimize import least_squares

from ariel_kit.core.errors import FitError
from ariel_kit.light_curve.dips import Light
from ariel_kit.light_curve.drift import default_drift, time_basis
from ariel_kit.light_curve.population import DARKENED_STARS, UNIFORM_STARS
from ariel_kit.light_curve.transit import TransitShape, transit_window
from ariel_kit.light_curve.white_light import (
    WhiteLight,
    drift_likelihood_at,
    fit_white_light,
    refit_white_light,
)
from ariel_kit.light_curve.window import coordinates

N = 187
TIME = (np.arange(N) + 0.5) * 144 / 3600
SPAN = np.full(N, 144 / 3600)
COVARIANCE = default_drift().covariance
DEGREE = len(COVARIANCE)
LEVEL, NOISE = 1e7, 730.0
WINDOW_MEAN = UNIFORM_STARS.coefficients[0]
WINDOW_SIGMA = np.sqrt(np.diag(UNIFORM_STARS.covariance))
WINDOW_STEP = np.array([2e-5, 2e-5, 2e-4])


def shape_of(window: np.ndarray) -> TransitShape:
    """The path whose half-duration ends at the limb."""
    mid_time, log_half, impact = window.T
    return TransitShape(mid_time, np.exp(log_half), 1 / (1 - impact))


class Truth(NamedTuple):
    depth: np.ndarray
    window: np.ndarray
    drift: np.ndarray

    def log_flux(self) -> np.ndarray:
        window = transit_window(TIME, SPAN, shape_of(self.window), self.depth)
        light = np.log1p(-self.depth[:, None] * window)
        return np.log(LEVEL) + self.drift @ time_basis(TIME, DEGREE).T + light


def draw(n: int, rng: np.random.Generator) -> Truth:
    """Draw planets from the priors."""
    window = WINDOW_MEAN + np.array([0.05, 0.06, 0.06]) * rng.standard_normal((n, 3))
    drift = rng.multivariate_normal(np.zeros(DEGREE), COVARIANCE, n)
    return Truth(np.exp(rng.uniform(np.log(8e-4), np.log(8e-3), n)), window, drift)


def observed(truth: Truth, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    flux = np.exp(truth.log_flux())
    noise = np.full_like(flux, NOISE)
    return flux + noise * rng.standard_normal(flux.shape), noise


def fit(truth: Truth, rng: np.random.Generator) -> WhiteLight:
    return fit_white_light(Light(TIME, SPAN, *observed(truth, rng)), COVARIANCE)


def log_model(parameters: np.ndarray) -> np.ndarray:
    """Model of (level, drift.., depth, shape..) of one planet, written independently."""
    level, drift, depth = parameters[0], parameters[1 : DEGREE + 1], parameters[DEGREE + 1]
    window = transit_window(TIME, SPAN, shape_of(parameters[DEGREE + 2 :]), depth)
    return level + time_basis(TIME, DEGREE) @ drift + np.log1p(-depth * window)


def misfit(parameters: np.ndarray, flux: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Residuals whose squares sum to minus twice the log posterior."""
    data = (np.log(flux) - log_model(parameters)) * flux / noise
    drift = np.linalg.solve(np.linalg.cholesky(COVARIANCE), parameters[1 : DEGREE + 1])
    return np.concatenate([data, drift, (parameters[DEGREE + 2 :] - WINDOW_MEAN) / WINDOW_SIGMA])


PLANTED = {
    "shallow": (0.0005, 3.75, 1.32, 1.3),
    "deep": (0.02, 3.75, 1.32, 1.3),
    "an hour early": (0.002, 2.75, 1.32, 1.3),
    "an hour late": (0.002, 4.75, 1.32, 1.3),
    "short": (0.002, 3.7, 0.6, 1.2),
    "long": (0.002, 3.8, 2.1, 1.5),
    "central": (0.005, 3.75, 1.3, 1.0),
    "near grazing": (0.005, 3.75, 1.3, 1.8),
    "shallow, late and short": (0.001, 4.5, 0.7, 1.3),
}


@pytest.mark.parametrize("wildness", [1.0, 3.0])
@pytest.mark.parametrize("name", PLANTED)
def test_planted_transits_are_found(name: str, wildness: float, rng: np.random.Generator) -> None:
    """Eight planets each, with drifts up to three times the prior's."""
    depth, *shape = PLANTED[name]
    drift = wildness * rng.multivariate_normal(np.zeros(DEGREE), COVARIANCE, 8)
    window = coordinates(TransitShape(*np.array(shape)[:, None]))
    truth = Truth(np.full(8, depth), np.tile(window, (8, 1)), drift)
    white = fit(truth, rng)
    z = np.column_stack([white.window - truth.window, white.depth - truth.depth]) / white.sigma
    assert np.abs(z).max() < 4
    assert np.sqrt(np.mean(white.residual**2)) == pytest.approx(1, abs=0.1)


def test_sigma_is_honest(rng: np.random.Generator) -> None:
    truth = draw(110, rng)
    white = fit(truth, rng)
    z = np.column_stack([white.window - truth.window, white.depth - truth.depth]) / white.sigma
    timing, half, _, depth = z.std(axis=0)
    for spread in (timing, half, depth):
        assert 0.85 < spread < 1.15
    assert np.abs(z[:, [0, 1, 3]].mean(axis=0)).max() < 4 / np.sqrt(110)


def test_optimum_is_that_of_scipy(rng: np.random.Generator) -> None:
    truth = draw(4, rng)
    flux, noise = observed(truth, rng)
    white = fit_white_light(Light(TIME, SPAN, flux, noise), COVARIANCE)
    for i in range(4):
        start = np.concatenate([[np.log(LEVEL)], truth.drift[i], [truth.depth[i]], truth.window[i]])
        scale = np.concatenate([[1e-4], np.sqrt(np.diag(COVARIANCE)), [1e-4], WINDOW_STEP * 100])
        best = least_squares(misfit, start, x_scale=scale, args=(flux[i], noise[i]), xtol=1e-12)
        found = np.concatenate([best.x[DEGREE + 2 :], best.x[DEGREE + 1 : DEGREE + 2]])
        off = np.append(white.window[i], white.depth[i]) - found
        assert np.abs(off / white.sigma[i]).max() < 0.03
        spread = np.sqrt(np.diag(np.linalg.inv(best.jac.T @ best.jac)))
        expected = np.append(spread[DEGREE + 2 :], spread[DEGREE + 1])
        assert np.allclose(white.sigma[i], expected, rtol=0.05)


def jacobian(parameters: np.ndarray) -> np.ndarray:
    """Central differences of the log model."""
    steps = np.diag(np.concatenate([np.full(DEGREE + 1, 1e-5), [1e-6], WINDOW_STEP]))
    ends = [[log_model(parameters + sign * h) for h in steps] for sign in (1, -1)]
    return (np.array(ends[0]) - np.array(ends[1])).T / (2 * steps.sum(axis=1))


def marginal_drift(
    parameters: np.ndarray, flux: np.ndarray, noise: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Precision and information of the drift, the other parameters projected out.

    Level and depth are free, the shape has its prior as three more measurements.
    """
    J = jacobian(parameters)
    data = np.log(flux) - log_model(parameters) + J @ parameters
    prior = np.eye(len(parameters))[-3:] / WINDOW_SIGMA[:, None]
    rows = np.vstack([J * (flux / noise)[:, None], prior])
    data = np.concatenate([data * flux / noise, WINDOW_MEAN / WINDOW_SIGMA])
    own = slice(1, DEGREE + 1)
    others, _ = np.linalg.qr(np.delete(rows, own, axis=1))
    left = rows[:, own] - others @ (others.T @ rows[:, own])
    return left.T @ left, left.T @ data


def test_drift_likelihood_is_the_marginal_of_the_linear_model(rng: np.random.Generator) -> None:
    truth = draw(3, rng)
    flux, noise = observed(truth, rng)
    white = fit_white_light(Light(TIME, SPAN, flux, noise), COVARIANCE)
    for i in range(3):
        point = np.concatenate([[0.0], white.drift[i], [white.depth[i]], white.window[i]])
        point[0] = np.mean(np.log(white.model[i]) - log_model(point))
        assert np.allclose(white.model[i], np.exp(log_model(point)), rtol=1e-9)
        precision, information = marginal_drift(point, flux[i], noise[i])
        found = white.drift_likelihood
        unit = np.sqrt(np.diag(precision))
        assert np.allclose(
            found.precision[i] / np.outer(unit, unit),
            precision / np.outer(unit, unit),
            atol=1e-5,
        )
        assert np.allclose(found.information[i] / unit, information / unit, atol=1e-4)
        # the likelihood and the prior together are the fit itself
        posterior = np.linalg.solve(
            found.precision[i] + np.linalg.inv(COVARIANCE), found.information[i]
        )
        assert np.allclose(posterior, white.drift[i], atol=0.03 * np.sqrt(np.diag(COVARIANCE)))


def test_drift_of_another_instrument_uses_the_timing_of_white_light(
    rng: np.random.Generator,
) -> None:
    truth = draw(40, rng)
    white = fit(truth, rng)
    other = Truth(truth.depth * 1.02, truth.window, truth.drift[::-1])
    flux, noise = observed(other, rng)
    likelihood = drift_likelihood_at(white, Light(TIME, SPAN, flux, noise), COVARIANCE)
    posterior = np.linalg.inv(likelihood.precision + np.linalg.inv(COVARIANCE))
    found = np.einsum("pij,pj->pi", posterior, likelihood.information)
    z = (found - other.drift) / np.sqrt(np.diagonal(posterior, axis1=1, axis2=2))
    assert 0.85 < z.std() < 1.15
    assert np.abs(z).max() < 4.5


def test_limb_darkening_is_fitted_where_stars_have_it(rng: np.random.Generator) -> None:
    limb, depth = (0.3, 0.15), 0.004
    window = transit_window(TIME, SPAN, TransitShape(3.75, 1.3, 1.3), depth, limb)
    flux = LEVEL * (1 - depth * window)[None] + NOISE * rng.standard_normal((1, N))
    light = Light(TIME, SPAN, flux, np.full((1, N), NOISE))
    right = fit_white_light(light, COVARIANCE, DARKENED_STARS)
    wrong = fit_white_light(light, COVARIANCE)
    assert abs(right.depth[0] - depth) < 4 * right.sigma[0, -1]
    assert abs(wrong.depth[0] - depth) > 4 * wrong.sigma[0, -1]
    assert (wrong.residual**2).sum() > (right.residual**2).sum() + 10


def test_a_second_fit_goes_on_from_the_first(rng: np.random.Generator) -> None:
    light = Light(TIME, SPAN, *observed(draw(3, rng), rng))
    white = fit_white_light(light, COVARIANCE)
    again = refit_white_light(white, light, COVARIANCE)
    assert np.allclose(again.depth, white.depth, atol=0.03 * white.sigma[:, -1].min())


def test_planets_do_not_see_each_other(rng: np.random.Generator) -> None:
    flux, noise = observed(draw(5, rng), rng)
    together = fit_white_light(Light(TIME, SPAN, flux, noise), COVARIANCE)
    alone = fit_white_light(Light(TIME, SPAN, flux[2:3], noise[2:3]), COVARIANCE)
    # other planets may add rounds after one has settled, never more than CONVERGED in chi-squared
    assert abs(together.depth[2] - alone.depth[0]) < 0.03 * alone.sigma[0, 3]
    assert np.abs((together.window[2] - alone.window[0]) / alone.sigma[0, :3]).max() < 0.05


def test_a_prior_per_planet(rng: np.random.Generator) -> None:
    flux, noise = observed(draw(2, rng), rng)
    priors = np.stack([COVARIANCE, 0.01 * COVARIANCE])
    white = fit_white_light(Light(TIME, SPAN, flux, noise), priors)
    loose = fit_white_light(Light(TIME, SPAN, flux, noise), COVARIANCE)
    assert np.allclose(white.depth[0], loose.depth[0], atol=0.03 * loose.sigma[0, 3])
    assert white.sigma[1, 3] < 0.95 * loose.sigma[1, 3]


@pytest.mark.parametrize("value", [0.0, -5.0, np.nan, np.inf])
def test_flux_must_be_positive_and_finite(value: float, rng: np.random.Generator) -> None:
    flux, noise = observed(draw(2, rng), rng)
    flux[1, 7] = value
    with pytest.raises(FitError, match="a white light curve must be positive and finite"):
        fit_white_light(Light(TIME, SPAN, flux, noise), COVARIANCE)
