"""The prior on spectra, and how its shapes are learned.

    d = level + alpha * (low-rank shapes) + beta * (smooth Gaussian process, FGS1 offset) + white

The light curves of a planet with a flat spectrum make small alpha and beta likely, so its sigma is
small; those of a planet with strong features make large ones likely, so its sigma is large. Both
amplitudes are marginalised on a grid, whose probabilities are learned from the planets of the run.
The posterior is thus a mixture of Gaussians, which is returned as its mean and covariance.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from ariel_kit.core.instruments import N_WAVELENGTHS, wavelengths
from ariel_kit.core.runtime import one_blas_thread
from ariel_kit.core.spectrum import Spectrum
from ariel_kit.spectral_extraction.amplitudes import (
    ALPHAS,
    BETAS,
    integrate_amplitudes,
    learn_amplitudes,
    usual_amplitudes,
)
from ariel_kit.spectral_extraction.linearised import DepthLikelihood

log = logging.getLogger(__name__)

LEVEL_SIGMA = 0.01
"""Prior sigma of the level, far larger than that of any light curve."""
WHITE_SIGMA = 2e-6
"""Sigma of the scatter that is independent at each wavelength."""
RANK = 16
"""Largest number of low-rank shapes."""
SMOOTH_LENGTHS = (8.0, 30.0)
"""Correlation lengths of the two components of the Gaussian process, in AIRS channels."""
SMOOTH_SIGMA = (12e-6, 24e-6)
"""Sigmas of the two components of the Gaussian process at beta = 1."""
FGS1_SIGMA = 60e-6
"""Sigma of the FGS1 offset at beta = 1."""
NEW_SHAPES = 0.1
"""Amplitude of the smooth shapes that are added before learning from the predicted planets."""
FEWEST_LABELS = 30
"""Least number of training spectra; with fewer, simulated spectra make the better prior."""


@dataclass(frozen=True)
class Posterior:
    """Posterior of the depths of a batch of planets.

    Attributes
    ----------
    mean : Tensor [shape=(planet, 283), dtype=float64]
        Posterior mean of the depths.
    covariance : Tensor [shape=(planet, 283, 283), dtype=float64]
        Posterior covariance of the depths.
    weights : Tensor [shape=(planet, alpha, beta), dtype=float64]
        Posterior probability of each pair of amplitudes.
    shape_moment : Tensor [shape=(planet, rank, rank), dtype=float64]
        Posterior second moment of the coefficients of the prior's shapes. It is the identity where
        the light curves do not constrain them.
    """

    mean: torch.Tensor
    covariance: torch.Tensor
    weights: torch.Tensor
    shape_moment: torch.Tensor


@dataclass(frozen=True)
class SpectrumPrior:
    """Prior distribution of transmission spectra.

    Attributes
    ----------
    shapes : ndarray [shape=(283, rank), dtype=float64]
        Factor B of the covariance B B' of spectra minus their mean, at alpha = 1.
    mean_depth, sigma_depth : ndarray [shape=(283,), dtype=float64]
        Mean and standard deviation of depths over the population. They are the spectrum of a planet
        that could not be fitted.
    spread : float
        Rms of spectra about their own mean, over the population.
    source : str
        Origin of the shapes, for the provenance.
    amplitudes : ndarray [shape=(alpha, beta), dtype=float64]
        Probability of each pair of amplitudes; by default that before anything is learned.
    """

    shapes: np.ndarray
    mean_depth: np.ndarray
    sigma_depth: np.ndarray
    spread: float
    source: str
    amplitudes: np.ndarray = field(default_factory=usual_amplitudes)

    @property
    def log_weights(self) -> np.ndarray:
        """Log prior probability of the amplitudes [shape=(alpha, beta)]."""
        return np.log(self.amplitudes)

    def fallback(self, planet_id: int, reason: str) -> Spectrum:
        """Build the spectrum of a planet that could not be fitted from the population.

        Parameters
        ----------
        planet_id : int
        reason : str
            Why the planet could not be fitted, for the provenance.
        """
        return Spectrum(
            planet_id=planet_id,
            wavelength=wavelengths(),
            mean=self.mean_depth,
            sigma=self.sigma_depth,
            provenance={"fit": {"status": "fallback", "reason": reason}},
        )

    def widened(self, *, keep: bool) -> SpectrumPrior:
        """Add smooth shapes, from which shapes of the predicted planets can be learned.

        Parameters
        ----------
        keep : bool
            Whether to keep the present shapes; otherwise the smooth shapes replace them.
        """
        known = self.shapes if keep else np.zeros((N_WAVELENGTHS, 0))
        source = f"{self.source}, predicted planets" if keep else "predicted planets"
        offered = NEW_SHAPES * _smooth_features() if keep else _smooth_features()
        return replace(self, shapes=np.column_stack([known, offered]), source=source)

    def typical_amplitudes(self, posterior: Posterior) -> tuple[np.ndarray, np.ndarray]:
        """Compute the posterior geometric means of alpha and of beta [shape=(planet,) each]."""
        weights = posterior.weights.cpu().numpy()
        alpha = np.exp(weights.sum(axis=2) @ np.log(ALPHAS))
        beta = np.exp(weights.sum(axis=1) @ np.log(BETAS))
        return alpha, beta

    def features(self) -> tuple[np.ndarray, np.ndarray]:
        """Build the prior's factor [shape=(283, feature)] and the scale of each column.

        A scale is 0 for a fixed column, 1 for alpha and 2 for beta.
        """
        level = np.full((N_WAVELENGTHS, 1), LEVEL_SIGMA)
        smooth = _smooth_features()
        kinds = [0] + [1] * self.shapes.shape[1] + [2] * smooth.shape[1]
        return np.column_stack([level, self.shapes, smooth]), np.array(kinds)

    def posterior(self, likelihood: DepthLikelihood) -> Posterior:
        """Compute the posterior of the depths, marginalised over the amplitudes.

        Parameters
        ----------
        likelihood : DepthLikelihood
            Likelihood of the depths given the light curves.

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
        # From features back to depths; the rest of the prior is white scatter of WHITE_SIGMA.
        shrink = torch.eye(N_WAVELENGTHS, dtype=basis.dtype, device=device)
        shrink = shrink - WHITE_SIGMA**2 * noise_precision
        spread = shrink @ basis
        depths = (spread @ mean[..., None])[..., 0] + WHITE_SIGMA**2 * target
        total = spread @ covariance @ spread.transpose(1, 2) + WHITE_SIGMA**2 * shrink
        shape = (-1, *self.log_weights.shape)
        return Posterior(depths, total, weights.reshape(shape), moment)


def _with_white_scatter(likelihood: DepthLikelihood) -> tuple[torch.Tensor, torch.Tensor]:
    """Compute precision and information with the white scatter included in the noise."""
    eye = torch.eye(N_WAVELENGTHS, dtype=torch.float64, device=likelihood.precision.device)
    factor = torch.linalg.cholesky(likelihood.precision + eye / WHITE_SIGMA**2)
    both = torch.cat([likelihood.precision, likelihood.information[..., None]], dim=2)
    solved = torch.cholesky_solve(both, factor) / WHITE_SIGMA**2
    return solved[..., :-1], solved[..., -1]


def _smooth_features() -> np.ndarray:
    """Compute a factor of the Gaussian process over AIRS and of the FGS1 offset, at beta = 1."""
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
    """Compute B with ``B B' = covariance``, without eigenvalues below `tolerance` of the largest.

    At most `rank` eigenvalues are kept, if it is given.
    """
    values, vectors = np.linalg.eigh(covariance)
    values, vectors = values[::-1], vectors[:, ::-1]
    keep = int(np.sum(values > tolerance * values[0]))
    keep = keep if rank is None else min(keep, rank)
    return vectors[:, :keep] * np.sqrt(values[:keep])


@one_blas_thread()
def learn_prior(depths: np.ndarray, source: str = "labels") -> SpectrumPrior:
    """Learn the prior from true spectra.

    Parameters
    ----------
    depths : ndarray [shape=(planet, 283)]
        True depths.
    source : str
        Origin of the spectra, which the provenance of predicted spectra records.

    Returns
    -------
    SpectrumPrior
    """
    shapes = depths - depths[:, 1:].mean(axis=1, keepdims=True)
    size = np.sqrt(np.mean(shapes**2, axis=1, keepdims=True))
    typical = np.median(size)
    # Spectra are scaled to similar rms; otherwise the few of strongest features would dominate.
    counted = shapes * typical / np.hypot(size, 0.1 * typical)
    return SpectrumPrior(
        shapes=_factor(counted.T @ counted / len(depths), 1e-6, RANK),
        mean_depth=np.full(N_WAVELENGTHS, depths.mean()),
        sigma_depth=np.full(N_WAVELENGTHS, depths.std()),
        spread=float(np.sqrt(np.mean(shapes**2))),
        source=source,
    )


@one_blas_thread()
def refine_prior(
    prior: SpectrumPrior, moments: np.ndarray, weights: np.ndarray, strength: float
) -> SpectrumPrior:
    """Update shapes and amplitudes from the planets being predicted.

    The shapes take one round of expectation-maximisation. The update adapts the prior to stars and
    molecules that the training spectra do not contain. A planet whose light curves carry no
    information has the identity as its moment and the prior's weights, and changes nothing.

    Parameters
    ----------
    prior : SpectrumPrior
    moments : ndarray [shape=(planet, rank, rank)]
        `Posterior.shape_moment` under `prior`.
    weights : ndarray [shape=(planet, alpha, beta)]
        `Posterior.weights` under `prior`.
    strength : float
        Weight of the shapes of `prior`, as a number of planets.

    Returns
    -------
    SpectrumPrior
    """
    rank = prior.shapes.shape[1]
    moment = (strength * np.eye(rank) + moments.sum(axis=0)) / (strength + len(moments))
    amplitudes = learn_amplitudes(weights, prior.amplitudes)
    return replace(prior, shapes=prior.shapes @ _factor(moment, 1e-8), amplitudes=amplitudes)


def simulated_prior(seed: int = 0, n: int = 2000) -> SpectrumPrior:
    """Learn the prior from simulated spectra, for data without labels.

    Parameters
    ----------
    seed : int
        Seed of the simulation.
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
    """Learn the prior from labels or, if there are fewer than `FEWEST_LABELS`, from simulations.

    Parameters
    ----------
    depths : ndarray [shape=(planet, 283)]
        True spectra of planets that will not be predicted.
    source : str
        Origin of the labels, for the provenance.
    seed : int
        Seed of the simulated spectra.

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
