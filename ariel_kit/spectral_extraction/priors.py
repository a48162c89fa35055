"""The prior on a spectrum, its amplitudes by evidence, and where its shapes are learned.

    d = level + alpha * (low-rank shapes) + beta * (smooth Gaussian process, FGS1 offset) + white

A flat spectrum makes small alpha and beta likely and gets a tight sigma; a rich one gets a wide
sigma. Both amplitudes are integrated over on a grid, so the answer is a mixture of Gaussians, given
back as its mean and covariance.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

import numpy as np
import torch

from ariel_kit.core.instruments import N_WAVELENGTHS, wavelengths
from ariel_kit.core.spectrum import Spectrum
from ariel_kit.spectral_extraction.joint_fit import DepthLikelihood

log = logging.getLogger(__name__)

LEVEL_SIGMA = 0.01
"""Of the white depth: far wider than any light curve leaves it."""
WHITE_SIGMA = 2e-6
"""Scatter from wavelength to wavelength that nothing else describes."""
RANK = 16
SMOOTH_LENGTHS = (8.0, 30.0)
"""Correlation lengths of the smooth part, in AIRS channels."""
SMOOTH_SIGMA = (12e-6, 24e-6)
FGS1_SIGMA = 60e-6
"""Of the smooth part and of the FGS1 offset, at beta = 1."""
ALPHAS = np.geomspace(0.02, 8.0, 12)
BETAS = np.geomspace(0.03, 20.0, 9)
NEGLIGIBLE = 1e-4
"""Pairs of amplitudes less likely than this, relative to the best, are left out of the mixture."""
NEW_SHAPES = 0.1
"""Amplitude at which smooth shapes are offered to the learning from the predicted planets."""
FEWEST_LABELS = 30
"""With fewer training spectra the kit's simulated ones make the better prior."""


@dataclass(frozen=True)
class Posterior:
    """Depths of a batch after prior and evidence.

    Attributes
    ----------
    mean : Tensor [shape=(planet, 283), dtype=float64]
    covariance : Tensor [shape=(planet, 283, 283), dtype=float64]
    weights : Tensor [shape=(planet, alpha, beta), dtype=float64]
        Probability of each pair of amplitudes.
    shape_moment : Tensor [shape=(planet, rank, rank), dtype=float64]
        Second moment of the coefficients of the prior's shapes; the identity where the light
        curves say nothing.
    """

    mean: torch.Tensor
    covariance: torch.Tensor
    weights: torch.Tensor
    shape_moment: torch.Tensor


@dataclass(frozen=True)
class SpectrumPrior:
    """What spectra look like before any light curve is seen.

    Attributes
    ----------
    shapes : ndarray [shape=(283, rank), dtype=float64]
        Factor of the covariance of mean-removed spectra at alpha = 1.
    mean_depth, sigma_depth : ndarray [shape=(283,), dtype=float64]
        Of the population: the answer for a planet that could not be measured.
    spread : float
        Rms of a spectrum about its own mean, over the population.
    source : str
        Where the shapes come from.
    """

    shapes: np.ndarray
    mean_depth: np.ndarray
    sigma_depth: np.ndarray
    spread: float
    source: str

    @property
    def log_weights(self) -> np.ndarray:
        """Log prior probability of the amplitudes, up to a constant [shape=(alpha, beta)].

        Log-normal and weak: a factor of e^1.5 each way about alpha = 1 and beta = 0.5.
        """
        alpha = -0.5 * (np.log(ALPHAS) / 1.5) ** 2
        beta = -0.5 * (np.log(BETAS / 0.5) / 1.5) ** 2
        return alpha[:, None] + beta[None, :]

    def fallback(self, planet_id: int, reason: str) -> Spectrum:
        """The population's mean and scatter, for a planet that could not be measured."""
        return Spectrum(
            planet_id=planet_id,
            wavelength=wavelengths(),
            mean=self.mean_depth,
            sigma=self.sigma_depth,
            provenance={"fit": {"status": "fallback", "reason": reason}},
        )

    def widened(self, *, keep: bool) -> SpectrumPrior:
        """Offer smooth shapes to learn from, beside the known ones or, without `keep`, alone."""
        known = self.shapes if keep else np.zeros((N_WAVELENGTHS, 0))
        source = f"{self.source}, predicted planets" if keep else "predicted planets"
        offered = NEW_SHAPES * _smooth_features() if keep else _smooth_features()
        return replace(self, shapes=np.column_stack([known, offered]), source=source)

    def typical_amplitudes(self, posterior: Posterior) -> tuple[np.ndarray, np.ndarray]:
        """Geometric mean of alpha and of beta [shape=(planet,) each]."""
        weights = posterior.weights.cpu().numpy()
        alpha = np.exp(weights.sum(axis=2) @ np.log(ALPHAS))
        beta = np.exp(weights.sum(axis=1) @ np.log(BETAS))
        return alpha, beta

    def features(self) -> tuple[np.ndarray, np.ndarray]:
        """Columns of the prior's factor, and what scales each: 0 nothing, 1 alpha, 2 beta."""
        level = np.full((N_WAVELENGTHS, 1), LEVEL_SIGMA)
        smooth = _smooth_features()
        kinds = [0] + [1] * self.shapes.shape[1] + [2] * smooth.shape[1]
        return np.column_stack([level, self.shapes, smooth]), np.array(kinds)

    def posterior(self, likelihood: DepthLikelihood) -> Posterior:
        """Combine with light curves; amplitudes integrated out.

        Parameters
        ----------
        likelihood : DepthLikelihood

        Returns
        -------
        Posterior
        """
        device = likelihood.precision.device
        table, kinds = self.features()
        basis = torch.as_tensor(table, device=device)
        noise_precision, target = _with_white_scatter(likelihood)
        gram = basis.T @ noise_precision @ basis
        right = target @ basis
        log_weights = torch.as_tensor(self.log_weights, device=device).reshape(-1)
        kind = torch.as_tensor(kinds, device=device)
        mean, covariance, weights, moment = _integrate(gram, right, kind, log_weights)
        # Back to wavelengths: what the features leave over is white scatter of known size.
        shrink = torch.eye(N_WAVELENGTHS, dtype=basis.dtype, device=device)
        shrink = shrink - WHITE_SIGMA**2 * noise_precision
        spread = shrink @ basis
        depths = (spread @ mean[..., None])[..., 0] + WHITE_SIGMA**2 * target
        total = spread @ covariance @ spread.transpose(1, 2) + WHITE_SIGMA**2 * shrink
        shape = (-1, *self.log_weights.shape)
        return Posterior(depths, total, weights.reshape(shape), moment)


def _with_white_scatter(likelihood: DepthLikelihood) -> tuple[torch.Tensor, torch.Tensor]:
    """Precision and information once white scatter is counted as noise."""
    eye = torch.eye(N_WAVELENGTHS, dtype=torch.float64, device=likelihood.precision.device)
    factor = torch.linalg.cholesky(likelihood.precision + eye / WHITE_SIGMA**2)
    both = torch.cat([likelihood.precision, likelihood.information[..., None]], dim=2)
    solved = torch.cholesky_solve(both, factor) / WHITE_SIGMA**2
    return solved[..., :-1], solved[..., -1]


def _pairs(device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Every alpha and every beta of the grid, alpha outermost [shape=(alpha * beta,) each]."""
    alpha, beta = np.meshgrid(ALPHAS, BETAS, indexing="ij")
    return torch.as_tensor(alpha.ravel(), device=device), torch.as_tensor(
        beta.ravel(), device=device
    )


def _integrate(
    gram: torch.Tensor, right: torch.Tensor, kinds: torch.Tensor, log_weights: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Moments of the features, mixed over the amplitudes by evidence.

    With features f = s * u and u ~ N(0, I), the precision of u is ``I + s A s`` and its
    information ``s b``.
    """
    alpha, beta = _pairs(gram.device)
    scales = torch.ones(len(alpha), len(kinds), dtype=gram.dtype, device=gram.device)
    scales = torch.where(kinds == 1, alpha[:, None], scales)
    scales = torch.where(kinds == 2, beta[:, None], scales)
    eye = torch.eye(len(kinds), dtype=gram.dtype, device=gram.device)
    shapes = kinds == 1
    weights = torch.softmax(_log_evidence(gram, right, kinds) + log_weights, dim=1)
    planets = []
    for planet_gram, planet_right, weight in zip(gram, right, weights, strict=True):
        kept = weight > NEGLIGIBLE * weight.max()
        share, scale = weight[kept] / weight[kept].sum(), scales[kept]
        precision = eye + scale[:, :, None] * planet_gram * scale[:, None, :]
        second = torch.cholesky_inverse(torch.linalg.cholesky(precision))
        first = (second @ (scale * planet_right)[..., None])[..., 0]
        second = second + first[:, :, None] * first[:, None, :]
        mean = share @ (scale * first)
        moment = (share[:, None, None] * scale[:, :, None] * second * scale[:, None, :]).sum(0)
        of_shapes = (share[:, None, None] * second[:, shapes][:, :, shapes]).sum(0)
        planets.append((mean, moment - torch.outer(mean, mean), of_shapes))
    mean, covariance, moments = (torch.stack(parts) for parts in zip(*planets, strict=True))
    return mean, covariance, weights, moments


def _log_evidence(gram: torch.Tensor, right: torch.Tensor, kinds: torch.Tensor) -> torch.Tensor:
    """Log marginal likelihood of every pair of amplitudes [shape=(planet, alpha * beta)].

    The smooth features and the level are eliminated once per beta; what is left to factor for
    each alpha has only the rank of the shapes.
    """
    inner, outer = kinds == 1, kinds != 1
    alphas, betas = (torch.as_tensor(grid, device=gram.device) for grid in (ALPHAS, BETAS))
    scale = torch.where(kinds[outer] == 2, betas[:, None], torch.ones_like(betas)[:, None])
    smooth = gram[:, outer][:, :, outer][:, None] + torch.diag_embed(scale**-2)
    cross = gram[:, outer][:, :, inner]
    both = torch.cat([cross, right[:, outer, None]], dim=2)[:, None]
    factor = torch.linalg.cholesky(smooth)
    half = torch.linalg.solve_triangular(factor, both.expand(-1, len(betas), -1, -1), upper=False)
    taken = half.transpose(2, 3) @ half
    rest = gram[:, inner][:, :, inner][:, None] - taken[..., :-1, :-1]
    information = right[:, None, inner] - taken[..., :-1, -1]
    fit, volume = taken[..., -1, -1], _log_diagonal(factor) + torch.log(scale).sum(1)
    rank = int(inner.sum())
    prior = alphas[:, None, None, None] ** -2 * torch.eye(
        rank, dtype=gram.dtype, device=gram.device
    )
    # Axes from here on: planet, alpha, beta.
    factor = torch.linalg.cholesky(rest[:, None] + prior)
    half = torch.linalg.solve_triangular(
        factor, information[:, None, ..., None].expand(-1, len(alphas), -1, -1, -1), upper=False
    )
    fit = fit[:, None] + (half**2).sum((3, 4))
    volume = volume[:, None] + _log_diagonal(factor) + rank * torch.log(alphas)[:, None]
    return (0.5 * fit - volume).flatten(1)


def _log_diagonal(factor: torch.Tensor) -> torch.Tensor:
    """Half the log determinant of a matrix from its Cholesky factor."""
    return torch.log(torch.diagonal(factor, dim1=-2, dim2=-1)).sum(-1)


def _smooth_features() -> np.ndarray:
    """Factor of the smooth kernel over AIRS, and the FGS1 offset, at beta = 1."""
    channel = np.arange(N_WAVELENGTHS - 1)
    apart = channel[:, None] - channel[None, :]
    kernels = [
        sigma**2 * np.exp(-0.5 * (apart / length) ** 2)
        for sigma, length in zip(SMOOTH_SIGMA, SMOOTH_LENGTHS, strict=True)
    ]
    kernel = np.sum(kernels, axis=0)
    airs = _factor(kernel, 1e-4)
    features = np.zeros((N_WAVELENGTHS, airs.shape[1] + 1))
    features[1:, :-1] = airs
    features[0, -1] = FGS1_SIGMA
    return features


def _factor(covariance: np.ndarray, tolerance: float, rank: int | None = None) -> np.ndarray:
    """Columns B with ``B B' = covariance`` up to eigenvalues below `tolerance` of the largest."""
    values, vectors = np.linalg.eigh(covariance)
    values, vectors = values[::-1], vectors[:, ::-1]
    keep = int(np.sum(values > tolerance * values[0]))
    keep = keep if rank is None else min(keep, rank)
    return vectors[:, :keep] * np.sqrt(values[:keep])


def learn_prior(depths: np.ndarray, source: str = "labels") -> SpectrumPrior:
    """Learn the shapes and the population from true spectra.

    Parameters
    ----------
    depths : ndarray [shape=(planet, 283)]
    source : str
        Recorded in the provenance of what is predicted.

    Returns
    -------
    SpectrumPrior
    """
    shapes = depths - depths[:, 1:].mean(axis=1, keepdims=True)
    size = np.sqrt(np.mean(shapes**2, axis=1, keepdims=True))
    typical = np.median(size)
    # Counted by size and not by shape, the few richest planets would be the whole covariance.
    counted = shapes * typical / np.hypot(size, 0.1 * typical)
    return SpectrumPrior(
        shapes=_factor(counted.T @ counted / len(depths), 1e-6, RANK),
        mean_depth=np.full(N_WAVELENGTHS, depths.mean()),
        sigma_depth=np.full(N_WAVELENGTHS, depths.std()),
        spread=float(np.sqrt(np.mean(shapes**2))),
        source=source,
    )


def refine_prior(prior: SpectrumPrior, moments: np.ndarray, strength: float) -> SpectrumPrior:
    """One EM step: learn the shapes again from posteriors of the planets being predicted.

    This is what carries over to stars and molecules that no label has shown. A planet without
    information has the identity for its moment and changes nothing.

    Parameters
    ----------
    prior : SpectrumPrior
    moments : ndarray [shape=(planet, rank, rank)]
        `Posterior.shape_moment` under `prior`.
    strength : float
        How many planets the shapes of `prior` count for.

    Returns
    -------
    SpectrumPrior
    """
    rank = prior.shapes.shape[1]
    moment = (strength * np.eye(rank) + moments.sum(axis=0)) / (strength + len(moments))
    return replace(prior, shapes=prior.shapes @ _factor(moment, 1e-8))


def simulated_prior(seed: int = 0, n: int = 2000) -> SpectrumPrior:
    """A prior from the kit's own simulated spectra, for folders that come without labels.

    Parameters
    ----------
    seed : int
    n : int
        Number of spectra, half for each of the two stars of 2024.

    Returns
    -------
    SpectrumPrior
    """
    from ariel_kit.simulation.spectra import draw_spectra

    rng = np.random.default_rng(seed)
    return learn_prior(
        draw_spectra(n, rng=rng, star=np.arange(n) % 2, molecules="all"), source="simulated spectra"
    )


def choose_prior(depths: np.ndarray, source: str, seed: int) -> SpectrumPrior:
    """The prior that labels teach or, where they are too few, the kit's simulated spectra.

    Parameters
    ----------
    depths : ndarray [shape=(planet, 283)]
        True spectra of planets that will not be predicted.
    source : str
        Where they come from, for the provenance.
    seed : int
        Of the simulated spectra.

    Returns
    -------
    SpectrumPrior
    """
    if len(depths) >= FEWEST_LABELS:
        return learn_prior(depths, source=f"{len(depths)} spectra of {source}")
    log.warning(
        "%s holds %d labels of other planets, %d are needed: the prior is learned from simulated "
        "spectra instead",
        source,
        len(depths),
        FEWEST_LABELS,
    )
    return simulated_prior(seed)
