"""Losses of the networks: Gaussian errors of unknown size, and masked reconstruction.

All are computed in float32 whatever the network's precision, and return a mean. None clamps the
log-variance, so that errors of any size, in any unit, can be predicted.
"""

from __future__ import annotations

from math import lgamma, log, pi

import torch
from torch import Tensor


def gaussian_nll(mean: Tensor, log_variance: Tensor, target: Tensor) -> Tensor:
    """Compute the mean negative log-likelihood of `target` under independent Gaussians.

    Parameters
    ----------
    mean, log_variance, target : Tensor [shape=(...)]
        Prediction, logarithm of its variance, truth; they broadcast.

    Returns
    -------
    Tensor [shape=(), dtype=float32]
        The mean over all elements, in nats.

    Examples
    --------
    >>> gaussian_nll(torch.zeros(1), torch.zeros(1), torch.ones(1))
    tensor(1.4189)
    """
    return _nll(mean, log_variance, target).mean()


def beta_nll(mean: Tensor, log_variance: Tensor, target: Tensor, *, beta: float = 0.5) -> Tensor:
    """Compute a Gaussian likelihood whose mean also learns from uncertain elements.

    Under the plain likelihood the gradient of the mean shrinks with the variance, so a network
    that calls an element uncertain early never learns it. Each element is weighted by its own
    variance to the power `beta`, through which no gradient flows: 0 is the plain likelihood, 1
    teaches the mean as least squares do.

    Parameters
    ----------
    mean, log_variance, target : Tensor [shape=(...)]
        Prediction, logarithm of its variance, truth; they broadcast.
    beta : float
        Power of the variance.

    Returns
    -------
    Tensor [shape=(), dtype=float32]
        The weighted mean over all elements.

    References
    ----------
    Seitzer et al. 2022, On the pitfalls of heteroscedastic uncertainty estimation with
    probabilistic neural networks, arXiv 2203.09168.
    """
    weight = (beta * log_variance.detach().float()).exp()
    return (weight * _nll(mean, log_variance, target)).mean()


def student_nll(
    mean: Tensor, log_variance: Tensor, target: Tensor, *, freedom: float = 4
) -> Tensor:
    """Compute the mean negative log-likelihood under Student's t, which outliers affect less.

    Parameters
    ----------
    mean, log_variance, target : Tensor [shape=(...)]
        Prediction, logarithm of its variance, truth; they broadcast.
    freedom : float
        Degrees of freedom, above 2.

    Returns
    -------
    Tensor [shape=(), dtype=float32]
    """
    # The scale of the distribution; its variance is freedom / (freedom - 2) times the scale
    # squared.
    log_scale = 0.5 * (log_variance.float() + log(1 - 2 / freedom))
    squared = ((target.float() - mean.float()) * (-log_scale).exp()).square()
    constant = lgamma(freedom / 2) - lgamma((freedom + 1) / 2) + 0.5 * log(freedom * pi)
    return (constant + log_scale + (freedom + 1) / 2 * torch.log1p(squared / freedom)).mean()


def masked_reconstruction_loss(prediction: Tensor, target: Tensor, hidden: Tensor) -> Tensor:
    """Compute the mean squared error over the cells that were hidden from the network.

    Parameters
    ----------
    prediction, target : Tensor [shape=(...)]
        Reconstruction and truth.
    hidden : Tensor [shape=(...), dtype=bool]
        True where the input was hidden; broadcasts.

    Returns
    -------
    Tensor [shape=(), dtype=float32]
        0 when nothing was hidden.
    """
    difference = prediction.float() - target.float()
    hidden = hidden.expand_as(difference)
    # Use torch.where, not a product: visible cells may be NaN, and NaN times 0 is NaN.
    total = torch.where(hidden, difference, difference.new_zeros(())).square().sum()
    return total / hidden.sum().clamp(min=1)


def _nll(mean: Tensor, log_variance: Tensor, target: Tensor) -> Tensor:
    log_variance = log_variance.float()
    squared = (target.float() - mean.float()).square()
    return 0.5 * (log(2 * pi) + log_variance + squared * (-log_variance).exp())
