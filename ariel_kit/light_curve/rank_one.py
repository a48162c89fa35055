"""Posterior of a drift of rank one, f(t) g(column), given light that is blind to the depths.

The coefficients of the drift are ``n = vec(F c (G d)') + e``: c (N numbers) and d (J numbers) are
its coefficients in time and over the detector's columns, F and G their scales and correlations, and
e the part that is not of rank one. With c ~ N(0, I), d uniform on the sphere ``|d| = sqrt(J)`` and
e ~ N(0, E), the likelihood ``exp(b'n - n'L n / 2)`` is, for each component (F, G, E) of a mixture,

- integrated over e in closed form: L and b become ``L (I + E L)^-1`` and ``(I + L E)^-1 b``;
- integrated over c given d in closed form, since the drift is linear in c for a given d;
- integrated over d by importance sampling about its direction of highest evidence.

The length of d is fixed because only the product f g is observable. The components are weighted by
their evidence; mean and covariance of n follow from the law of total variance.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from scipy.optimize import brentq
from scipy.special import ndtri
from torch import Tensor

from ariel_kit.light_curve.systematics import BlindLikelihood, Gaussian

ROUNDS = 40
"""Largest number of steps of Newton's method."""
SETTLED = 1e-3
"""Expected gain in log evidence below which a direction has converged."""
POINTS = 64
"""Number of importance samples of d for each component."""


@dataclass(frozen=True)
class RankOnePrior:
    """Mixture prior of the drifts of a batch of planets.

    Attributes
    ----------
    time : Tensor [shape=(planet, component, degree, degree), dtype=float64]
        F, a factor of the covariance of the coefficients in time.
    columns : Tensor [shape=(component, column, column), dtype=float64]
        G, the same over the detector's columns, scaled by the size of the drift.
    rest : Tensor [shape=(planet, component, nuisance, nuisance), dtype=float64]
        E, the covariance of e; nuisance = degree x column, degrees outermost.
    log_weights : Tensor [shape=(component,), dtype=float64]
        Logarithms of the components' prior probabilities.
    """

    time: Tensor
    columns: Tensor
    rest: Tensor
    log_weights: Tensor

    def posterior(self, blind: BlindLikelihood) -> RankOnePosterior:
        """Compute the posterior of the drift.

        Parameters
        ----------
        blind : BlindLikelihood
            Likelihood of the drift's coefficients n alone.

        Returns
        -------
        RankOnePosterior
        """
        precision = blind.precision[:, None]  # L, the same for every component
        eye = torch.eye(precision.shape[-1], dtype=precision.dtype, device=precision.device)
        kept = torch.linalg.inv(eye + precision @ self.rest)  # (I + L E)^-1
        rest = self.rest @ kept  # covariance of e given the rest of n
        tensor = kept @ precision
        family = _Family.of(
            0.5 * (tensor + tensor.transpose(-1, -2)),
            _apply(kept, blind.information[:, None]),
            self.time,
            self.columns,
        )
        mean, covariance, log_evidence = family.integrate()
        log_evidence = log_evidence + _rest_log_evidence(rest, blind)
        share = torch.softmax(log_evidence + self.log_weights, dim=1)
        # n = (I - R L) n_1 + R b + noise of covariance R, with R = E (I + L E)^-1
        turn = eye - rest @ precision
        mean = _apply(turn, mean) + _apply(rest, blind.information[:, None])
        covariance = turn @ covariance @ turn.transpose(-1, -2) + rest
        return RankOnePosterior(_mixture_moments(share, mean, covariance), log_evidence, share)


@dataclass(frozen=True)
class RankOnePosterior:
    """Posterior of the drifts of a batch of planets.

    Attributes
    ----------
    drift : Gaussian
        Mean and covariance of the coefficients n.
    log_evidence : Tensor [shape=(planet, component), dtype=float64]
        Log evidence of each component of the prior, up to a constant for each planet.
    share : Tensor [shape=(planet, component), dtype=float64]
        Posterior probability of each component.
    """

    drift: Gaussian
    log_evidence: Tensor
    share: Tensor


@dataclass(frozen=True)
class _Family:
    """The likelihood of (c, d), both of unit scale: ``exp(beta.n - n.M n / 2)`` with n = c d'.

    Attributes
    ----------
    tensor : Tensor [shape=(planet, component, degree, column, degree, column)]
        M.
    vector : Tensor [shape=(planet, component, degree, column)]
        beta.
    scales : Tensor [shape=(planet, component, nuisance, nuisance)]
        F x G, the map from vec(c d') to the coefficients of the drift.
    """

    tensor: Tensor
    vector: Tensor
    scales: Tensor

    @classmethod
    def of(cls, precision: Tensor, information: Tensor, time: Tensor, columns: Tensor) -> _Family:
        """Scale a likelihood to unit c and d: M = (F x G)' L (F x G), beta = (F x G)' b."""
        shape = (*time.shape[:2], time.shape[-1], columns.shape[-1])
        scales = torch.einsum("pkai,kbj->pkabij", time, columns).reshape(precision.shape)
        turned = scales.transpose(-1, -2)
        return cls(
            (turned @ precision @ scales).reshape(*shape, *shape[2:]),
            _apply(turned, information).reshape(shape),
            scales,
        )

    @property
    def radius(self) -> float:
        """Length of d, sqrt(J)."""
        return float(np.sqrt(self.vector.shape[-1]))

    def given(self, directions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Compute the posterior of c given d.

        Parameters
        ----------
        directions : Tensor [shape=(planet, component, point, column)]
            Values of d.

        Returns
        -------
        mean : Tensor [shape=(planet, component, point, degree)]
        covariance : Tensor [shape=(planet, component, point, degree, degree)]
        log_evidence : Tensor [shape=(planet, component, point)]
        """
        n, j = self.vector.shape[-2:]
        # P = I + sum_jl d_j d_l M_(.j.l), and beta_d = sum_j d_j beta_(.j)
        pairs = (directions[..., :, None] * directions[..., None, :]).flatten(-2)
        matrix = self.tensor.permute(0, 1, 3, 5, 2, 4).reshape(*self.vector.shape[:2], j * j, n * n)
        precision = (pairs @ matrix).reshape(*pairs.shape[:-1], n, n)
        precision = precision + torch.eye(n, dtype=precision.dtype, device=precision.device)
        information = directions @ self.vector.transpose(-1, -2)
        factor = torch.linalg.cholesky(precision)
        covariance = torch.cholesky_inverse(factor)
        mean = _apply(covariance, information)
        return mean, covariance, 0.5 * (mean * information).sum(-1) - _half_log_det(factor)

    def slopes(self, d: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Compute the log evidence of d, integrated over c, and its derivatives.

        With c ~ N(mu, S) given d, N_j the derivative of P and U_j = beta_j - N_j mu, the gradient
        is ``q - Q d`` and the curvature ``Q - U'S U - tr(S N_j S N_l) / 2``, where
        q_j = mu.beta_j and Q_jl = sum_ik E[c_i c_k] M_ijkl.

        Returns
        -------
        value : Tensor [shape=(planet, component)]
        gradient : Tensor [shape=(planet, component, column)]
        curvature : Tensor [shape=(planet, component, column, column)]
            Minus the second derivatives.
        expected : Tensor [shape=(planet, component, column, column)]
            Q, the curvature for known c, which is an upper bound of the curvature.
        """
        mean, covariance, value = (part[:, :, 0] for part in self.given(d[:, :, None]))
        half = torch.einsum("pkijml,pkl->pkjim", self.tensor, d)  # sum_l M_ijml d_l
        slope = half + half.transpose(-1, -2)  # N_j
        second = covariance + mean[..., :, None] * mean[..., None, :]
        expected = torch.einsum("pkim,pkijml->pkjl", second, self.tensor)
        gradient = _apply(self.vector.transpose(-1, -2), mean) - _apply(expected, d)
        pulls = self.vector.transpose(-1, -2) - torch.einsum("pkjim,pkm->pkji", slope, mean)
        spread = covariance[:, :, None] @ slope  # S N_j
        curvature = expected - pulls @ covariance @ pulls.transpose(-1, -2)
        curvature = curvature - 0.5 * torch.einsum("pkjim,pklmi->pkjl", spread, spread)
        return value, gradient, curvature, expected

    def start(self) -> Tensor:
        """Compute the first singular vector over columns of the posterior mean without rank one."""
        matrix = self.tensor.flatten(4, 5).flatten(2, 3)
        eye = torch.eye(matrix.shape[-1], dtype=matrix.dtype, device=matrix.device)
        free = torch.linalg.solve(matrix + eye, self.vector.flatten(2)[..., None])
        rows = torch.linalg.svd(free.reshape(self.vector.shape), full_matrices=False)[2]
        return self.radius * rows[..., 0, :]

    def climb(self) -> tuple[Tensor, Tensor, Tensor]:
        """Find the direction of highest evidence.

        The method is Newton's on the sphere, damped towards expectation-maximisation, whose steps
        always ascend. On simulated planets random starts reached the same maximum.

        Returns
        -------
        d : Tensor [shape=(planet, component, column)]
        basis : Tensor [shape=(planet, component, column, column - 1)]
            Orthonormal tangents of the sphere at d.
        curvature : Tensor [shape=(planet, component, column - 1, column - 1)]
            Hessian of minus the log evidence along them, made positive definite.
        """
        d = self.start()
        damping = torch.full_like(d[..., 0], 1e-3)
        value, gradient, curvature, expected, basis = self._tangential(d)
        for _ in range(ROUNDS):
            step = _solve(_positive(curvature) + damping[..., None, None] * expected, gradient)
            moving = (step * gradient).sum(-1) > SETTLED
            if not moving.any():
                break
            trial = self._onto_sphere(d, basis, step[:, :, None])[0][:, :, 0]
            new = self._tangential(trial)
            better = (new[0] > value) & moving  # so no planet's result depends on its batch
            damping = torch.where(better, damping / 10, damping * 10)
            d, value, gradient, curvature, expected, basis = (
                torch.where(better.reshape(better.shape + (1,) * (a.ndim - 2)), a, b)
                for a, b in zip(
                    (trial, *new), (d, value, gradient, curvature, expected, basis), strict=True
                )
            )
        return d, basis, _positive(curvature)

    def integrate(self) -> tuple[Tensor, Tensor, Tensor]:
        """Compute the moments of the drift and its evidence, integrated over c and d.

        Returns
        -------
        mean : Tensor [shape=(planet, component, nuisance)]
        covariance : Tensor [shape=(planet, component, nuisance, nuisance)]
        log_evidence : Tensor [shape=(planet, component)]
        """
        centre, basis, curvature = self.climb()
        factor = torch.linalg.cholesky(curvature)
        points, log_density = (part.to(centre) for part in _cauchy_points(basis.shape[-1]))
        d, stretched = self._onto_sphere(centre, basis, points @ torch.linalg.inv(factor))
        mean, covariance, value = self.given(d)
        # Target over proposal; `area` is the log Jacobian from the tangent plane to the sphere.
        area = -d.shape[-1] * torch.log(stretched)
        log_ratio = value + area - log_density - _half_log_det(factor)[..., None]
        weight = torch.softmax(log_ratio, dim=-1)
        drift = (mean[..., :, None] * d[..., None, :]).flatten(-2)
        middle = (weight[..., None, :] @ drift)[..., 0, :]
        apart = drift - middle[..., None, :]
        total = (weight[..., None] * apart).transpose(-1, -2) @ apart
        given = torch.einsum("pkn,pknim,pknj,pknl->pkijml", weight, covariance, d, d)
        total = self.scales @ (total + given.reshape(total.shape)) @ self.scales.transpose(-1, -2)
        return _apply(self.scales, middle), total, torch.logsumexp(log_ratio, -1)

    def _tangential(self, d: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Project `slopes` onto the tangents of the sphere, and return these as the basis."""
        value, gradient, curvature, expected = self.slopes(d)
        basis = _tangents(d)
        turned = basis.transpose(-1, -2)
        eye = torch.eye(basis.shape[-1], dtype=d.dtype, device=d.device)
        outward = (gradient * d).sum(-1) / self.radius**2
        bent = turned @ curvature @ basis + outward[..., None, None] * eye
        return value, _apply(turned, gradient), bent, turned @ expected @ basis + eye, basis

    def _onto_sphere(self, d: Tensor, basis: Tensor, steps: Tensor) -> tuple[Tensor, Tensor]:
        """Map tangent steps [shape=(planet, component, point, column - 1)] onto the sphere."""
        moved = d[:, :, None] + steps @ basis.transpose(-1, -2)
        stretched = moved.norm(dim=-1) / self.radius
        return moved / stretched[..., None], stretched


def _rest_log_evidence(rest: Tensor, blind: BlindLikelihood) -> Tensor:
    """Compute the log evidence of e alone: b'R b / 2 - log det(I + L E) / 2."""
    precision, information = blind.precision[:, None], blind.information[:, None]
    fit = (information * _apply(rest, information)).sum(-1)
    eye = torch.eye(rest.shape[-1], dtype=rest.dtype, device=rest.device)
    # I - L R = (I + L E)^-1
    return 0.5 * (fit + torch.linalg.slogdet(eye - precision @ rest)[1])


def _mixture_moments(share: Tensor, mean: Tensor, covariance: Tensor) -> Gaussian:
    """Compute the mean and covariance of a mixture over axis 1 (law of total variance)."""
    total = (share[..., None] * mean).sum(1)
    apart = mean - total[:, None]
    spread = covariance + apart[..., :, None] * apart[..., None, :]
    mean_square = (share[..., None, None] * spread).sum(1)
    return Gaussian(total, 0.5 * (mean_square + mean_square.transpose(1, 2)))


@cache
def _cauchy_points(dimension: int) -> tuple[Tensor, Tensor]:
    """Draw quasi-random points of the multivariate Cauchy distribution.

    A uniform distribution on the sphere is a Cauchy distribution on a tangent plane, so the ratio
    of posterior to proposal is bounded. The points follow a lattice of generalised golden ratios
    (Roberts 2018, "The unreasonable effectiveness of quasirandom sequences").

    Returns
    -------
    points : Tensor [shape=(POINTS, dimension), dtype=float64]
    log_density : Tensor [shape=(POINTS,), dtype=float64]
        Up to a constant.
    """
    ratio = brentq(lambda x: x ** (dimension + 2) - x - 1, 1.0, 2.0)
    powers = ratio ** -np.arange(1.0, dimension + 2)
    uniform = (0.5 + np.outer(np.arange(1, POINTS + 1), powers)) % 1.0
    points = ndtri(uniform[:, :-1]) / np.abs(ndtri(uniform[:, -1:]))
    log_density = -0.5 * (1 + dimension) * np.log1p((points**2).sum(axis=1))
    return torch.as_tensor(points), torch.as_tensor(log_density)


def _tangents(d: Tensor) -> Tensor:
    """Compute an orthonormal basis normal to d by Householder [shape=(..., column, column - 1)]."""
    unit = d / d.norm(dim=-1, keepdim=True)
    first = torch.zeros_like(unit)
    first[..., 0] = torch.where(unit[..., 0] < 0, -1.0, 1.0)
    mirror = torch.nn.functional.normalize(unit + first, dim=-1)
    eye = torch.eye(d.shape[-1], dtype=d.dtype, device=d.device)
    return (eye - 2 * mirror[..., :, None] * mirror[..., None, :])[..., 1:]


def _positive(curvature: Tensor) -> Tensor:
    """Replace the eigenvalues of a curvature by their absolute values, at least 1."""
    values, vectors = torch.linalg.eigh(curvature)
    return (vectors * values.abs().clamp(min=1.0)[..., None, :]) @ vectors.transpose(-1, -2)


def _half_log_det(factor: Tensor) -> Tensor:
    """Compute half the log determinant of a matrix from its Cholesky factor."""
    return torch.log(torch.diagonal(factor, dim1=-2, dim2=-1)).sum(-1)


def _solve(matrix: Tensor, vector: Tensor) -> Tensor:
    return torch.linalg.solve(matrix, vector[..., None])[..., 0]


def _apply(matrix: Tensor, vector: Tensor) -> Tensor:
    return (matrix @ vector[..., None])[..., 0]
