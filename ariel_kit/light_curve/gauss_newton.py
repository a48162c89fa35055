"""Levenberg-Marquardt least squares for a batch of planets."""

from __future__ import annotations

from typing import Protocol

import numpy as np

MAX_ROUNDS = 30
"""Largest number of steps."""
CONVERGED = 1e-3
"""Decrease of chi-squared below which a fit has converged."""


class Problem(Protocol):
    """A least-squares problem with one row of parameters for each planet."""

    def clip(self, parameters: np.ndarray) -> np.ndarray:
        """Clip parameters [shape=(planet, parameter)] to their bounds."""

    def cost(self, parameters: np.ndarray) -> np.ndarray:
        """Compute chi-squared, including the priors [shape=(planet,)]."""

    def normal_equations(self, parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Compute the approximate Hessian of half the cost, and minus its gradient."""


def minimise(
    problem: Problem, parameters: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Minimise the cost of every planet by damped Gauss-Newton steps.

    Each planet has its own damping, and accepts only steps that lower its cost.

    Parameters
    ----------
    problem : Problem
    parameters : ndarray [shape=(planet, parameter)]
        Starting point of each planet.

    Returns
    -------
    parameters : ndarray [shape=(planet, parameter)]
        Point of lowest cost of each planet.
    precision : ndarray [shape=(planet, parameter, parameter)]
        Approximate Hessian of half the cost at that point.
    gradient : ndarray [shape=(planet, parameter)]
        Minus the gradient of half the cost at that point.
    cost : ndarray [shape=(planet,)]
        Chi-squared at that point, including the priors.

    References
    ----------
    Levenberg (1944), Quarterly of Applied Mathematics 2, 164.
    """
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
    return parameters, precision, gradient, cost
