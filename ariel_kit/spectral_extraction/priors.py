"""The prior on a spectrum, its amplitudes by evidence, and where its shapes are learned.

    d = level + alpha * (low-rank shapes) + beta * (smooth Gaussian process, FGS1 offset) + white

A flat spectrum makes small alpha and beta likely and gets a tight sigma; a rich one gets a wide
sigma. Both amplitudes are integrated over on a grid, so the answer is a mixture of Gaussians, given
back as its mean and covariance.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from ariel_kit.instruments import N_WAVELENGTHS, wavelengths
from ariel_kit.observation import Spectrum
from ariel_kit.spectral_extraction.joint_fit import DepthLikelihood

LEVEL_SIGMA = 0.01
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


@dataclass(frozen=True)
class Posterior:
    """Depths of a batch after prior and evidence.

    Attributes
    ----------
    mean : Tensor [shape=(planet, 283), dtype=float64]
    covariance : Tensor [shape=(planet, 283, 283), dtype=float64]
    weights : Tensor [shape=(planet, alpha, beta), dtype=float64]
        Probability of each pair of amplitudes.
    """

    mean: torch.Tensor
    covariance: torch.Tensor
    weights: torch.Tensor


@dataclass(frozen=True)
class SpectrumPrior:
    """What spectra look like before any light curve is seen.

    Attributes
    ----------
    shapes : ndarray [shape=(283, rank), dtype=float64]
        Factor of the covariance of mean-removed spectra at alpha = 1.
    log_weights : ndarray [shape=(alpha, beta), dtype=float64]
        Log prior probability of the amplitudes.
    mean_depth, sigma_depth : ndarray [shape=(283,), dtype=float64]
        Of the population: the answer for a planet that could not be measured.
    spread : float
        Rms of a spectrum about its own mean, over the population.
    source : str
        Where the shapes come from.
    """

    shapes: np.ndarray
    log_weights: np.ndarray
    mean_depth: np.ndarray
    sigma_depth: np.ndarray
    spread: float
    source: str

    def fallback(self, planet_id: int, reason: str) -> Spectrum:
        """The population's mean and scatter, for a planet that could not be measured."""
        return Spectrum(
            planet_id=planet_id,
            wavelength=wavelengths(),
            mean=self.mean_depth,
            sigma=self.sigma_depth,
            provenance={"fit": {"status": "fallback", "reason": reason}},
        )

    def without_shapes(self) -> SpectrumPrior:
        """The same prior with nothing but the smooth part: where learning from scratch starts."""
        return replace(self, shapes=np.zeros((N_WAVELENGTHS, 0)), source="no labels")

    def typical_amplitudes(self, posterior: Posterior) -> tuple[np.ndarray, np.ndarray]:
        """Geometric mean of alpha and of beta [shape=(planet,) each]."""
        weights = posterior.weights.cpu().numpy()
        alpha = np.exp(weights.sum(axis=2) @ np.log(ALPHAS))
        beta = np.exp(weights.sum(axis=1) @ np.log(BETAS))
        return alpha, beta

    def features(self) -> tuple[np.ndarray, np.ndarray]:
        """Columns of the prior's factor, and which amplitude scales each: 0 none, 1 alpha, 2 beta."""
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
        scales = _amplitude_scales(kinds, device)
        log_weights = torch.as_tensor(self.log_weights, device=device).reshape(-1)
        mean, covariance, weights = _integrate(gram, right, scales, log_weights)
        # Back to wavelengths: what the features leave over is white scatter of known size.
        shrink = torch.eye(N_WAVELENGTHS, dtype=basis.dtype, device=device)
        shrink = shrink - WHITE_SIGMA**2 * noise_precision
        spread = shrink @ basis
        depths = (spread @ mean[..., None])[..., 0] + WHITE_SIGMA**2 * target
        total = spread @ covariance @ spread.transpose(1, 2) + WHITE_SIGMA**2 * shrink
        shape = (-1, *self.log_weights.shape)
        return Posterior(depths, total, weights.reshape(shape))


def _with_white_scatter(likelihood: DepthLikelihood) -> tuple[torch.Tensor, torch.Tensor]:
    """Precision and information once white scatter is counted as noise."""
    eye = torch.eye(N_WAVELENGTHS, dtype=torch.float64, device=likelihood.precision.device)
    factor = torch.linalg.cholesky(likelihood.precision + eye / WHITE_SIGMA**2)
    both = torch.cat([likelihood.precision, likelihood.information[..., None]], dim=2)
    solved = torch.cholesky_solve(both, factor) / WHITE_SIGMA**2
    return solved[..., :-1], solved[..., -1]


def _amplitude_scales(kinds: np.ndarray, device: torch.device) -> torch.Tensor:
    """Scale of every feature at every pair of amplitudes [shape=(alpha * beta, feature)]."""
    alpha, beta = (a.reshape(-1, 1) for a in np.meshgrid(ALPHAS, BETAS, indexing="ij"))
    choices = np.stack([np.ones_like(alpha), alpha, beta], axis=-1)[:, 0]
    return torch.as_tensor(choices[:, kinds], device=device)


def _integrate(
    gram: torch.Tensor, right: torch.Tensor, scales: torch.Tensor, log_weights: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Moments of the features, mixed over the amplitudes by evidence.

    With features f = s * u and u ~ N(0, I), the precision of u is ``I + s A s`` and its
    information ``s b``: one Cholesky factor per planet and pair of amplitudes.
    """
    n_features = gram.shape[-1]
    eye = torch.eye(n_features, dtype=gram.dtype, device=gram.device)
    means, covariances, weights = [], [], []
    for planet_gram, planet_right in zip(gram, right, strict=True):
        precision = eye + scales[:, :, None] * planet_gram * scales[:, None, :]
        factor = torch.linalg.cholesky(precision)
        information = (scales * planet_right)[..., None]
        half = torch.linalg.solve_triangular(factor, information, upper=False)
        volume = torch.log(torch.diagonal(factor, dim1=1, dim2=2)).sum(1)
        log_evidence = log_weights + 0.5 * (half**2).sum((1, 2)) - volume
        weight = torch.softmax(log_evidence, dim=0)
        kept = weight > 1e-4 * weight.max()
        share = weight[kept] / weight[kept].sum()
        inverse = torch.cholesky_inverse(factor[kept])
        mean = scales[kept] * (inverse @ information[kept])[..., 0]
        centre = share @ mean
        scatter = (mean - centre) * share.sqrt()[:, None]
        scaled = inverse * scales[kept][:, :, None] * scales[kept][:, None, :]
        covariances.append((share[:, None, None] * scaled).sum(0) + scatter.T @ scatter)
        means.append(centre)
        weights.append(weight)
    return torch.stack(means), torch.stack(covariances), torch.stack(weights)


def _smooth_features() -> np.ndarray:
    """Factor of the smooth kernel over AIRS, and the FGS1 offset, at beta = 1."""
    channel = np.arange(N_WAVELENGTHS - 1)
    apart = channel[:, None] - channel[None, :]
    kernel = sum(
        sigma**2 * np.exp(-0.5 * (apart / length) ** 2)
        for sigma, length in zip(SMOOTH_SIGMA, SMOOTH_LENGTHS, strict=True)
    )
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
    return SpectrumPrior(
        shapes=_factor(_mean_shape_moment(shapes[:, :, None] * shapes[:, None, :]), 1e-6, RANK),
        log_weights=_broad_weights(),
        mean_depth=np.full(N_WAVELENGTHS, depths.mean()),
        sigma_depth=np.full(N_WAVELENGTHS, depths.std()),
        spread=float(np.sqrt(np.mean(shapes**2))),
        source=source,
    )


def refine_prior(
    prior: SpectrumPrior, mean: np.ndarray, covariance: np.ndarray, strength: float
) -> SpectrumPrior:
    """One EM step: learn the shapes again from posteriors of the planets being predicted.

    This is what carries over to stars and molecules that no label has shown.

    Parameters
    ----------
    prior : SpectrumPrior
    mean : ndarray [shape=(planet, 283)]
    covariance : ndarray [shape=(planet, 283, 283)]
        Posteriors under the prior of the round before.
    strength : float
        How many planets the shapes of `prior` count for; 0 forgets them.

    Returns
    -------
    SpectrumPrior
    """
    remove_level = np.eye(N_WAVELENGTHS)
    remove_level[:, 1:] -= 1 / (N_WAVELENGTHS - 1)
    second = covariance + mean[:, :, None] * mean[:, None, :]
    learned = _mean_shape_moment(remove_level @ second @ remove_level.T)
    before = prior.shapes @ prior.shapes.T
    moment = (strength * before + len(mean) * learned) / (strength + len(mean))
    return replace(
        prior, shapes=_factor(moment, 1e-6, RANK), source=f"{prior.source}, predicted planets"
    )


def _mean_shape_moment(moments: np.ndarray) -> np.ndarray:
    """Average second moment (planet, 283, 283) of spectra, each counted by shape and not by size.

    Counted by size, the few richest planets would be the whole covariance.
    """
    size = np.trace(moments, axis1=1, axis2=2) / N_WAVELENGTHS
    typical = np.median(size)
    share = typical / (size + 0.01 * typical) / len(moments)
    return np.einsum("p,pij->ij", share, moments)


def _broad_weights() -> np.ndarray:
    """A weak prior on the amplitudes: log-normal, a factor of e^1.5 each way."""
    alpha = -0.5 * (np.log(ALPHAS) / 1.5) ** 2
    beta = -0.5 * (np.log(BETAS / 0.5) / 1.5) ** 2
    return alpha[:, None] + beta[None, :]


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
