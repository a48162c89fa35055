"""The white-light fit: timing, ingress, depth and drift of a planet from its summed light curve.

Gauss-Newton on ``log flux = level + drift(t) + log(1 - depth * S(t))`` with a box search as the
start, batched over planets that share a time grid. Its answer is the point about which the joint
fit linearises; its shape prior is the one the joint fit uses, so no datum counts twice.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from ariel_kit.core.errors import FitError
from ariel_kit.core.instruments import OBSERVATION_HOURS
from ariel_kit.light_curve.drift import DriftLikelihood, time_basis
from ariel_kit.light_curve.transit import TransitShape, transit_window

SHAPE_MEAN = np.array([OBSERVATION_HOURS / 2, 1.32, 1.3])
SHAPE_SIGMA = np.array([0.2, 0.2, 0.2])
"""Prior of (mid_time, half_duration, ingress_ratio): hours, hours, ratio. The first two are far
wider than any light curve leaves them (about 0.002 h); the third matters for shallow planets."""
DEPTH_SIGMA = 0.5
"""Of a prior on the depth that only a light curve without any transit feels."""
SHAPE_STEP = np.array([2e-4, 2e-4, 1e-2])
"""Steps of the central differences that give the window's derivatives."""
DEPTH_STEP = 1e-3
"""Relative step of the depth."""
SHAPE_MIN = np.array([0.0, 0.1, 0.5])
SHAPE_MAX = np.array([OBSERVATION_HOURS, OBSERVATION_HOURS / 2, 10.0])
MAX_ROUNDS = 30
CONVERGED = 1e-3
"""Change of chi-squared below which a fit has settled."""
START_MID_TIMES = OBSERVATION_HOURS / 2 + np.arange(-1.5, 1.5001, 0.03)
START_HALF_DURATIONS = np.arange(0.4, 2.4, 0.05)


@dataclass(frozen=True)
class WhiteLight:
    """White-light fits of a batch of planets.

    Attributes
    ----------
    shape : ndarray [shape=(planet, 3), dtype=float64, unit=hour]
        mid_time, half_duration, ingress_ratio.
    depth : ndarray [shape=(planet,), dtype=float64]
    sigma : ndarray [shape=(planet, 4), dtype=float64]
        One sigma of the shape and of the depth.
    drift : ndarray [shape=(planet, degree), dtype=float64]
    model : ndarray [shape=(planet, time), dtype=float64, unit=electron]
    residual : ndarray [shape=(planet, time), dtype=float64]
        Data minus model in units of the noise.
    drift_likelihood : DriftLikelihood
        Of the drift's coefficients, level, depth and shape eliminated.
    """

    shape: np.ndarray
    depth: np.ndarray
    sigma: np.ndarray
    drift: np.ndarray
    model: np.ndarray
    residual: np.ndarray
    drift_likelihood: DriftLikelihood

    def take(self, rows: list[int]) -> WhiteLight:
        """Some of the planets."""
        picked = {
            item.name: getattr(self, item.name)[rows]
            for item in fields(self)
            if item.name != "drift_likelihood"
        }
        return WhiteLight(**picked, drift_likelihood=self.drift_likelihood.take(rows))


def window_and_slopes(
    time: np.ndarray,
    span: np.ndarray,
    shape: np.ndarray,
    depth: np.ndarray,
    limb_darkening: tuple[float, float] = (0.0, 0.0),
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Transit window and how it answers to the shape and to the depth.

    Parameters
    ----------
    time, span : ndarray [shape=(time,), unit=hour]
    shape : ndarray [shape=(planet, 3), unit=hour]
    depth : ndarray [shape=(planet,)]
    limb_darkening : tuple of float

    Returns
    -------
    window : ndarray [shape=(planet, time)]
    slopes : ndarray [shape=(planet, time, 3)]
        Derivatives of the window with respect to the shape.
    response : ndarray [shape=(planet, time)]
        Derivative of ``depth * window`` with respect to the depth: the window itself, and the
        ingress that lengthens with the depth.
    """

    def at(offset: np.ndarray, depth: np.ndarray) -> np.ndarray:
        return transit_window(time, span, TransitShape(*(shape + offset).T), depth, limb_darkening)

    steps = np.diag(SHAPE_STEP)
    slopes = [(at(step, depth) - at(-step, depth)) / (2 * step.sum()) for step in steps]
    window, deeper = at(np.zeros(3), depth), at(np.zeros(3), depth * (1 + DEPTH_STEP))
    return window, np.stack(slopes, axis=-1), deeper + (deeper - window) / DEPTH_STEP


def fit_white_light(
    time: np.ndarray,
    span: np.ndarray,
    flux: np.ndarray,
    noise: np.ndarray,
    drift_covariance: np.ndarray,
    *,
    limb_darkening: tuple[float, float] = (0.0, 0.0),
) -> WhiteLight:
    """Fit a batch of white light curves.

    Parameters
    ----------
    time, span : ndarray [shape=(time,), unit=hour]
        Shared by all planets.
    flux, noise : ndarray [shape=(planet, time), unit=electron]
    drift_covariance : ndarray [shape=(degree, degree) or (planet, degree, degree)]
        Prior of the Legendre coefficients of the drift.
    limb_darkening : tuple of float
        Quadratic coefficients.

    Returns
    -------
    WhiteLight

    Raises
    ------
    FitError
        If a flux is not positive and finite.
    """
    problem = _Problem.of(time, span, flux, noise, drift_covariance, limb_darkening)
    degree = drift_covariance.shape[-1]
    parameters, precision, gradient = _gauss_newton(problem, _box_search(problem))
    model = problem.predict(parameters)
    sigma = np.sqrt(np.diagonal(np.linalg.inv(precision), axis1=1, axis2=2))
    return WhiteLight(
        shape=parameters[:, degree + 2 :],
        depth=parameters[:, degree + 1],
        sigma=np.concatenate([sigma[:, degree + 2 :], sigma[:, degree + 1, None]], axis=1),
        drift=parameters[:, 1 : degree + 1],
        model=np.exp(model),
        residual=(problem.y - model) * np.sqrt(problem.weight),
        drift_likelihood=_drift_likelihood(
            parameters, precision, gradient, problem.drift_precision
        ),
    )


def drift_likelihood_at(
    white: WhiteLight,
    time: np.ndarray,
    span: np.ndarray,
    flux: np.ndarray,
    noise: np.ndarray,
    drift_covariance: np.ndarray,
    *,
    limb_darkening: tuple[float, float] = (0.0, 0.0),
) -> DriftLikelihood:
    """Drift of another instrument's light curves, linearised about a white-light fit.

    FGS1 alone is too noisy to time a transit; with AIRS's timing its drift is a linear problem.

    Parameters
    ----------
    white : WhiteLight
        Fits of the same planets.
    time, span, flux, noise, drift_covariance, limb_darkening
        As in `fit_white_light`.

    Returns
    -------
    DriftLikelihood
    """
    problem = _Problem.of(time, span, flux, noise, drift_covariance, limb_darkening)
    level = np.average(problem.y, axis=1, weights=problem.weight)
    still = np.zeros((len(flux), drift_covariance.shape[-1]))
    parameters = np.column_stack([level, still, white.depth, white.shape])
    precision, gradient = problem.normal_equations(parameters)
    return _drift_likelihood(parameters, precision, gradient, problem.drift_precision)


def _drift_likelihood(
    parameters: np.ndarray, precision: np.ndarray, gradient: np.ndarray, prior: np.ndarray
) -> DriftLikelihood:
    """Take the drift's prior out of the normal equations and eliminate the other parameters."""
    degree = prior.shape[-1]
    kept = np.arange(1, degree + 1)
    rest = np.setdiff1d(np.arange(precision.shape[-1]), kept)
    right = gradient + np.einsum("pij,pj->pi", precision, parameters)
    cross = precision[:, kept][:, :, rest]
    solved = np.linalg.solve(
        precision[:, rest][:, :, rest],
        np.concatenate([np.swapaxes(cross, 1, 2), right[:, rest, None]], axis=2),
    )
    return DriftLikelihood(
        precision=precision[:, kept][:, :, kept] - prior - cross @ solved[:, :, :-1],
        information=right[:, kept] - (cross @ solved[:, :, -1:])[..., 0],
    )


@dataclass(frozen=True)
class _Problem:
    """Data and priors of a batch; parameters are (level, drift.., depth, shape..)."""

    time: np.ndarray
    span: np.ndarray
    y: np.ndarray
    weight: np.ndarray
    basis: np.ndarray
    drift_precision: np.ndarray
    limb_darkening: tuple[float, float]

    @classmethod
    def of(
        cls,
        time: np.ndarray,
        span: np.ndarray,
        flux: np.ndarray,
        noise: np.ndarray,
        drift_covariance: np.ndarray,
        limb_darkening: tuple[float, float],
    ) -> _Problem:
        if not (np.isfinite(flux).all() and (flux > 0).all()):
            raise FitError(
                "a white light curve must be positive and finite; check the calibration."
            )
        degree = drift_covariance.shape[-1]
        basis = np.column_stack([np.ones_like(time), time_basis(time, degree)])
        precision = np.broadcast_to(np.linalg.inv(drift_covariance), (len(flux), degree, degree))
        return cls(time, span, np.log(flux), (flux / noise) ** 2, basis, precision, limb_darkening)

    @property
    def prior_mean(self) -> np.ndarray:
        return np.concatenate([np.zeros(self.basis.shape[1] + 1), SHAPE_MEAN])

    @property
    def prior_precision(self) -> np.ndarray:
        n = self.basis.shape[1]
        precision = np.zeros((len(self.y), n + 4, n + 4))
        precision[:, 1:n, 1:n] = self.drift_precision
        precision[:, n, n] = DEPTH_SIGMA**-2.0
        precision[:, n + 1 :, n + 1 :] = np.diag(SHAPE_SIGMA**-2.0)
        return precision

    def split(self, parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        n = self.basis.shape[1]
        return parameters[:, :n], parameters[:, n], parameters[:, n + 1 :]

    def predict(self, parameters: np.ndarray) -> np.ndarray:
        linear, depth, shape = self.split(parameters)
        window = transit_window(
            self.time, self.span, TransitShape(*shape.T), depth, self.limb_darkening
        )
        return linear @ self.basis.T + np.log1p(-depth[:, None] * window)

    def cost(self, parameters: np.ndarray) -> np.ndarray:
        misfit = np.sum(self.weight * (self.y - self.predict(parameters)) ** 2, axis=1)
        off = parameters - self.prior_mean
        return misfit + np.einsum("pi,pij,pj->p", off, self.prior_precision, off)

    def normal_equations(self, parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        _, depth, shape = self.split(parameters)
        window, slopes, response = window_and_slopes(
            self.time, self.span, shape, depth, self.limb_darkening
        )
        light = 1 - depth[:, None] * window
        fixed = np.broadcast_to(self.basis, (len(depth), *self.basis.shape))
        jacobian = np.concatenate(
            [
                fixed,
                (-response / light)[..., None],
                -(depth[:, None] / light)[..., None] * slopes,
            ],
            axis=2,
        )
        weighted = np.swapaxes(jacobian * self.weight[..., None], 1, 2)
        precision = weighted @ jacobian + self.prior_precision
        residual = (self.y - self.predict(parameters))[..., None]
        pull = np.einsum("pij,pj->pi", self.prior_precision, self.prior_mean - parameters)
        return precision, (weighted @ residual)[..., 0] + pull

    def clip(self, parameters: np.ndarray) -> np.ndarray:
        linear, depth, shape = self.split(parameters)
        depth = np.clip(depth, 1e-6, 0.5)
        return np.column_stack([linear, depth, np.clip(shape, SHAPE_MIN, SHAPE_MAX)])


def _gauss_newton(
    problem: _Problem, parameters: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Levenberg-damped Gauss-Newton: every planet keeps its own damping and its best point."""
    damping = np.full(len(parameters), 1e-3)
    settled = np.zeros(len(parameters), dtype=bool)
    parameters = problem.clip(parameters)
    cost = problem.cost(parameters)
    precision, gradient = problem.normal_equations(parameters)
    for _ in range(MAX_ROUNDS):
        scale = np.diagonal(precision, axis1=1, axis2=2)
        damped = precision + (damping[:, None] * scale)[..., None] * np.eye(scale.shape[1])
        step = np.linalg.solve(damped, gradient[..., None])[..., 0]
        trial = problem.clip(parameters + step)
        trial_cost = problem.cost(trial)
        better = trial_cost < cost
        gain = np.where(better, cost - trial_cost, 0.0)
        parameters = np.where(better[:, None], trial, parameters)
        cost = np.where(better, trial_cost, cost)
        settled |= np.where(better, gain < CONVERGED, damping > 1e3)
        damping = np.where(better, damping / 10, damping * 10)
        precision, gradient = problem.normal_equations(parameters)
        if settled.all():
            break
    return parameters, precision, gradient


def _box_search(problem: _Problem) -> np.ndarray:
    """Best box transit on a grid of timings, with the drift solved for at each."""
    mid_time, half = (a.ravel() for a in np.meshgrid(START_MID_TIMES, START_HALF_DURATIONS))
    basis = problem.basis
    boxes = (np.abs(problem.time - mid_time[:, None]) < half[:, None]).astype(float)
    priors = problem.prior_precision[:, : basis.shape[1], : basis.shape[1]]
    starts = []
    for planet_y, planet_weight, prior in zip(problem.y, problem.weight, priors, strict=True):
        weighted = basis * planet_weight[:, None]
        gram = weighted.T @ basis + prior
        # Everything below is orthogonal to the drift in the planet's own weights.
        flat = planet_y * planet_weight - weighted @ np.linalg.solve(gram, weighted.T @ planet_y)
        overlap = boxes @ weighted
        power = boxes @ planet_weight - np.einsum(
            "gi,gi->g", overlap, np.linalg.solve(gram, overlap.T).T
        )
        dip = -(boxes @ flat)
        best = int(np.argmax(np.where(power > 0, dip * np.abs(dip) / np.maximum(power, 1e-30), 0)))
        depth = dip[best] / max(power[best], 1e-30)
        linear = np.linalg.solve(gram, weighted.T @ (planet_y + depth * boxes[best]))
        starts.append([*linear, depth, mid_time[best], half[best], SHAPE_MEAN[2]])
    return np.array(starts)
