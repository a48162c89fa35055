"""The white-light fit: timing, ingress, depth and drift of a planet from its summed light curve.

The model ``log flux = level + drift(t) + log(1 - depth * S(t))`` is fitted by damped Gauss-Newton
steps, for a batch of planets on one time grid. The joint fit linearises about the solution. It uses
the same prior of the window, not the posterior of this fit, so that no datum is counted twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from ariel_kit.core.errors import FitError
from ariel_kit.core.star_info import StarInfo
from ariel_kit.light_curve.dips import Light, find_dips
from ariel_kit.light_curve.drift import DriftLikelihood, time_basis
from ariel_kit.light_curve.gauss_newton import minimise
from ariel_kit.light_curve.population import UNIFORM_STARS, Population, WindowPrior
from ariel_kit.light_curve.window import AIRS, FGS1, MOST_BLOCKED, WindowLight, columns, linearise

DEPTH_SIGMA = 0.5
"""Sigma of the prior on the depth: wide, so that it matters only where no transit is seen."""
SMALLEST_DEPTH, LARGEST_DEPTH = 1e-6, 0.3
"""Bounds of the depth in the fit."""
USUAL_RESIDUAL = 1.3
"""Rms residual, in units of the noise, above which a fit is tried again from other starts."""
OTHER_IMPACTS = (0.0, 0.5, 0.8, 1.0)
"""Squared impact parameters of those other starts."""


@dataclass(frozen=True)
class WhiteLight:
    """White-light fits of a batch of planets.

    Attributes
    ----------
    window : ndarray [shape=(planet, coordinate), dtype=float64]
        In the coordinates of `ariel_kit.light_curve.window`; those that do not affect AIRS are at
        the prior's mean.
    depth : ndarray [shape=(planet,), dtype=float64]
    sigma : ndarray [shape=(planet, column + 1), dtype=float64]
        Standard deviations of the coordinates that affect AIRS, and of the depth (last).
    drift : ndarray [shape=(planet, degree), dtype=float64]
        Legendre coefficients of the log drift.
    model : ndarray [shape=(planet, time), dtype=float64, unit=electron]
    residual : ndarray [shape=(planet, time), dtype=float64]
        Data minus model in units of the noise.
    cost : ndarray [shape=(planet,), dtype=float64]
        Chi-squared, including the priors.
    drift_likelihood : DriftLikelihood
        Likelihood of the drift's coefficients, marginalised over level, depth and window.
    prior : WindowPrior
        Prior of the windows.
    """

    window: np.ndarray
    depth: np.ndarray
    sigma: np.ndarray
    drift: np.ndarray
    model: np.ndarray
    residual: np.ndarray
    cost: np.ndarray
    drift_likelihood: DriftLikelihood
    prior: WindowPrior

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """Arrays among the fields, by name."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return {name: v for name, v in values.items() if isinstance(v, np.ndarray)}

    def take(self, rows: list[int]) -> WhiteLight:
        """Select planets by their index."""
        return WhiteLight(
            **{name: array[rows] for name, array in self.arrays.items()},
            drift_likelihood=self.drift_likelihood.take(rows),
            prior=self.prior.take(rows),
        )

    def joined(self, other: WhiteLight) -> WhiteLight:
        """Append the planets of another batch."""
        return WhiteLight(
            **{k: np.concatenate([v, other.arrays[k]]) for k, v in self.arrays.items()},
            drift_likelihood=self.drift_likelihood.joined(other.drift_likelihood),
            prior=self.prior.joined(other.prior),
        )

    def better_of(self, other: WhiteLight) -> WhiteLight:
        """Select, for each planet, the fit of lower cost."""
        n, first = len(self.depth), self.cost <= other.cost
        rows = np.where(first, np.arange(n), n + np.arange(n))
        return self.joined(other).take(rows.tolist())

    def with_rows(self, rows: list[int], other: WhiteLight) -> WhiteLight:
        """Replace the fits of the planets `rows` by those of `other`."""
        where = np.arange(len(self.depth))
        where[rows] = len(where) + np.arange(len(rows))
        return self.joined(other).take(where.tolist())

    @property
    def rms(self) -> np.ndarray:
        """Rms of each planet's residual, in units of the noise [shape=(planet,)]."""
        return np.sqrt(np.mean(self.residual**2, axis=1))


def fit_white_light(
    light: Light,
    drift_covariance: np.ndarray,
    population: Population = UNIFORM_STARS,
    stars: Sequence[StarInfo | None] | None = None,
) -> WhiteLight:
    """Fit the AIRS white light curves of a batch of planets.

    The fits start from the best box-shaped dip and from the catalogue; the better one is kept.

    Parameters
    ----------
    light : Light
    drift_covariance : ndarray [shape=(degree, degree) or (planet, degree, degree)]
        Prior covariance of the Legendre coefficients of the drift.
    population : Population
        Prior of the windows, before the catalogue is looked up.
    stars : sequence of StarInfo or None, optional
        Catalogue entry of each planet; None for a planet without one.

    Returns
    -------
    WhiteLight

    Raises
    ------
    FitError
        If a flux is not positive and finite.
    """
    if not (np.isfinite(light.flux).all() and (light.flux > 0).all()):
        raise FitError("a white light curve must be positive and finite; check the calibration.")
    dips = find_dips(light, drift_covariance)
    prior = population.prior(stars or [None] * len(dips.depth))
    catalogue_start = prior.mean.copy()
    catalogue_start[:, 0] = dips.mid_time
    dip_start = catalogue_start.copy()
    dip_start[:, 1] = np.log(dips.half_duration)
    white = _fit(light, drift_covariance, prior, dip_start, dips.depth)
    white = white.better_of(_fit(light, drift_covariance, prior, catalogue_start, dips.depth))
    return _try_again(white, light, drift_covariance, [catalogue_start, dip_start])


def refit_white_light(white: WhiteLight, light: Light, drift_covariance: np.ndarray) -> WhiteLight:
    """Fit again from the solution of `white`, under another prior of the drift."""
    return _fit(light, drift_covariance, white.prior, white.window, white.depth)


def _try_again(
    white: WhiteLight, light: Light, drift_covariance: np.ndarray, starts: Sequence[np.ndarray]
) -> WhiteLight:
    """Refit from `OTHER_IMPACTS`, at each start, where the residual exceeds `USUAL_RESIDUAL`."""
    covariances = np.broadcast_to(drift_covariance, (len(light.flux), *drift_covariance.shape[-2:]))
    for start in starts:
        rows = np.flatnonzero(white.rms > USUAL_RESIDUAL).tolist()
        if not rows:
            break
        refitted = white.take(rows)
        for impact in OTHER_IMPACTS:
            other = start[rows].copy()
            other[:, 2] = impact
            again = _fit(light.take(rows), covariances[rows], refitted.prior, other, refitted.depth)
            refitted = refitted.better_of(again)
        white = white.with_rows(rows, refitted)
    return white


def _fit(
    light: Light,
    drift_covariance: np.ndarray,
    prior: WindowPrior,
    start: np.ndarray,
    depth: np.ndarray,
) -> WhiteLight:
    """Run Gauss-Newton from one start for each planet."""
    problem = _Problem.of(light, drift_covariance, prior, AIRS)
    degree = drift_covariance.shape[-1]
    parameters = problem.start(depth, start)
    parameters, precision, gradient, cost = minimise(problem, parameters)
    model = problem.predict(parameters)
    sigma = np.sqrt(np.diagonal(np.linalg.inv(precision), axis1=1, axis2=2))
    return WhiteLight(
        window=problem.window(parameters),
        depth=parameters[:, degree + 1],
        sigma=np.concatenate([sigma[:, degree + 2 :], sigma[:, degree + 1, None]], axis=1),
        drift=parameters[:, 1 : degree + 1],
        model=np.exp(model),
        residual=(problem.y - model) * np.sqrt(problem.weight),
        cost=cost,
        drift_likelihood=_drift_likelihood(
            parameters, precision, gradient, problem.drift_precision
        ),
        prior=prior,
    )


def drift_likelihood_at(
    white: WhiteLight, light: Light, drift_covariance: np.ndarray, instrument: int = FGS1
) -> DriftLikelihood:
    """Compute the likelihood of an instrument's drift, linearised about a white-light fit.

    FGS1 alone is too noisy to time a transit; with AIRS's timing its drift is a linear problem.

    Parameters
    ----------
    white : WhiteLight
        Fits of the same planets.
    light : Light
        White light of the instrument.
    drift_covariance : ndarray [shape=(degree, degree)]
    instrument : int
        `FGS1` or `AIRS` of `ariel_kit.light_curve.window`.

    Returns
    -------
    DriftLikelihood
    """
    problem = _Problem.of(light, drift_covariance, white.prior, instrument)
    parameters = problem.start(white.depth, white.window)
    precision, gradient = problem.normal_equations(parameters)
    return _drift_likelihood(parameters, precision, gradient, problem.drift_precision)


def _drift_likelihood(
    parameters: np.ndarray, precision: np.ndarray, gradient: np.ndarray, prior: np.ndarray
) -> DriftLikelihood:
    """Remove the drift's prior from the normal equations and marginalise the other parameters."""
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
    """Data and priors of a batch; the parameters are (level, drift.., depth, window..)."""

    light: Light
    y: np.ndarray
    weight: np.ndarray
    basis: np.ndarray
    drift_precision: np.ndarray
    prior: WindowPrior
    instrument: int

    @classmethod
    def of(
        cls, light: Light, drift_covariance: np.ndarray, prior: WindowPrior, instrument: int
    ) -> _Problem:
        flux = light.flux
        degree = drift_covariance.shape[-1]
        basis = np.column_stack([np.ones_like(light.time), time_basis(light.time, degree)])
        precision = np.broadcast_to(np.linalg.inv(drift_covariance), (len(flux), degree, degree))
        weight = (flux / light.noise) ** 2
        return cls(light, np.log(flux), weight, basis, precision, prior, instrument)

    @property
    def columns(self) -> list[int]:
        """Indices of the window's coordinates that affect this instrument."""
        return list(columns(self.prior.mean.shape[1], self.instrument))

    @property
    def prior_mean(self) -> np.ndarray:
        still = np.zeros((len(self.y), self.basis.shape[1] + 1))
        return np.concatenate([still, self.prior.mean[:, self.columns]], axis=1)

    @property
    def prior_precision(self) -> np.ndarray:
        n, seen = self.basis.shape[1], self.columns
        size = n + 1 + len(seen)
        precision = np.zeros((len(self.y), size, size))
        precision[:, 1:n, 1:n] = self.drift_precision
        precision[:, n, n] = DEPTH_SIGMA**-2.0
        # The coordinates that do not affect this instrument are marginalised.
        covariance = np.linalg.inv(self.prior.precision)[:, seen][:, :, seen]
        precision[:, n + 1 :, n + 1 :] = np.linalg.inv(covariance)
        return precision

    def start(self, depth: np.ndarray, window: np.ndarray) -> np.ndarray:
        """Build starting parameters with zero drift."""
        level = np.average(self.y, axis=1, weights=self.weight)
        still = np.zeros((len(self.y), self.basis.shape[1] - 1))
        return np.column_stack([level, still, depth, window[:, self.columns]])

    def window(self, parameters: np.ndarray) -> np.ndarray:
        """Return all coordinates of the windows; the unfitted ones are at the prior's mean."""
        window = self.prior.mean.copy()
        window[:, self.columns] = parameters[:, self.basis.shape[1] + 1 :]
        return window

    def split(self, parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        n = self.basis.shape[1]
        return parameters[:, :n], parameters[:, n]

    def linearise(self, parameters: np.ndarray) -> WindowLight:
        light, depth = self.light, parameters[:, self.basis.shape[1]]
        window, orbit = self.window(parameters), self.prior.orbit
        return linearise(light.time, light.span, window, depth, orbit, self.instrument)

    def predict(self, parameters: np.ndarray) -> np.ndarray:
        linear, depth = self.split(parameters)
        window = self.linearise(parameters).window
        return linear @ self.basis.T + np.log1p(-np.minimum(depth[:, None] * window, MOST_BLOCKED))

    def cost(self, parameters: np.ndarray) -> np.ndarray:
        misfit = np.sum(self.weight * (self.y - self.predict(parameters)) ** 2, axis=1)
        off = parameters - self.prior_mean
        return misfit + np.einsum("pi,pij,pj->p", off, self.prior_precision, off)

    def normal_equations(self, parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        linear, depth = self.split(parameters)
        transit = self.linearise(parameters)
        light = 1 - np.minimum(depth[:, None] * transit.window, MOST_BLOCKED)
        fixed = np.broadcast_to(self.basis, (len(depth), *self.basis.shape))
        jacobian = np.concatenate(
            [
                fixed,
                (-transit.response / light)[..., None],
                -(depth[:, None] / light)[..., None] * transit.slopes,
            ],
            axis=2,
        )
        weighted = np.swapaxes(jacobian * self.weight[..., None], 1, 2)
        precision = weighted @ jacobian + self.prior_precision
        residual = (self.y - linear @ self.basis.T - np.log(light))[..., None]
        pull = np.einsum("pij,pj->pi", self.prior_precision, self.prior_mean - parameters)
        return precision, (weighted @ residual)[..., 0] + pull

    def clip(self, parameters: np.ndarray) -> np.ndarray:
        linear, depth = self.split(parameters)
        depth = np.clip(depth, SMALLEST_DEPTH, LARGEST_DEPTH)
        window = self.prior.orbit.clip(self.window(parameters), depth)
        return np.column_stack([linear, depth, window[:, self.columns]])
