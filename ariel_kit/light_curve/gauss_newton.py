"""Damped Gauss-Newton steps for a batch of planets."""

from __future__ import annotations

from typing import Protocol

import numpy as np

MAX_ROUNDS = 30
CONVERGED = 1e-3
"""Change of chi-squared below which a fit has settled."""


class Problem(Protocol):
    """A least-squares problem with one row of parameters for each planet."""

    def clip(self, parameters: np.ndarray) -> np.ndarray:
        """Bring parameters into their bounds."""

    def cost(self, parameters: np.ndarray) -> np.ndarray:
        """Work out chi-squared, priors included [shape=(planet,)]."""

    def normal_equations(self, parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Work out precision and gradient of half the cost, with its sign turned."""


def minimise(
    problem: Problem, parameters: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Minimise the cost of every planet; each keeps its own damping and its best point.

    Parameters
    ----------
    problem : Problem
    parameters : ndarray [shape=(planet, parameter)]
        Where each planet starts.

    Returns
    -------
    parameters : ndarray [shape=(planet, parameter)]
        The best point of each planet.
    precision : ndarray [shape=(planet, parameter, parameter)]
    gradient : ndarray [shape=(planet, parameter)]
        The normal equations there.
    cost : ndarray [shape=(planet,)]

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
