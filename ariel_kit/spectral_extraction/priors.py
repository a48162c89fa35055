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
from ariel_kit.spectral_extraction.amplitudes import ALPHAS, BETAS, integrate_amplitudes
from ariel_kit.spectral_extraction.linearised import DepthLikelihood

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
        """Give the population's mean and scatter to a planet that could not be measured."""
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
        """Take the geometric means of alpha and of beta [shape=(planet,) each]."""
        weights = posterior.weights.cpu().numpy()
        alpha = np.exp(weights.sum(axis=2) @ np.log(ALPHAS))
        beta = np.exp(weights.sum(axis=1) @ np.log(BETAS))
        return alpha, beta

    def features(self) -> tuple[np.ndarray, np.ndarray]:
        """Give the prior's factor, and what scales each column: 0 nothing, 1 alpha, 2 beta."""
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
        mean, covariance, weights, moment = integrate_amplitudes(gram, right, kind, log_weights)
        # Back to wavelengths: what the features leave over is white scatter of known size.
        shrink = torch.eye(N_WAVELENGTHS, dtype=basis.dtype, device=device)
        shrink = shrink - WHITE_SIGMA**2 * noise_precision
        spread = shrink @ basis
        depths = (spread @ mean[..., None])[..., 0] + WHITE_SIGMA**2 * target
        total = spread @ covariance @ spread.transpose(1, 2) + WHITE_SIGMA**2 * shrink
        shape = (-1, *self.log_weights.shape)
        return Posterior(depths, total, weights.reshape(shape), moment)


def _with_white_scatter(likelihood: DepthLikelihood) -> tuple[torch.Tensor, torch.Tensor]:
    """Compute precision and information with white scatter counted as noise."""
    eye = torch.eye(N_WAVELENGTHS, dtype=torch.float64, device=likelihood.precision.device)
    factor = torch.linalg.cholesky(likelihood.precision + eye / WHITE_SIGMA**2)
    both = torch.cat([likelihood.precision, likelihood.information[..., None]], dim=2)
    solved = torch.cholesky_solve(both, factor) / WHITE_SIGMA**2
    return solved[..., :-1], solved[..., -1]


def _smooth_features() -> np.ndarray:
    """Factor the smooth kernel over AIRS, with the FGS1 offset, at beta = 1."""
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
    """Find B with ``B B' = covariance`` up to eigenvalues below `tolerance` of the largest."""
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
    """Learn the shapes again from posteriors of the planets being predicted: one step of EM.

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
    """Learn a prior from the kit's own simulated spectra, for folders that come without labels.

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
    """Learn the prior from labels or, where they are too few, from the kit's simulated spectra.

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
