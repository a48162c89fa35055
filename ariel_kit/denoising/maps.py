"""Input maps of the denoising networks, over time and wavelength, in units of their noise.

The maps depend neither on the brightness of the star nor on the depths, because residuals are
divided by their noise and the depths are projected out. This module also computes the linear maps
from the network's output to apparent depths, scaled so that the output is of order one for every
planet.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ariel_kit.light_curve.systematics import Gaussian, Systematics

CELLS = 48
"""Number of cells along time and along wavelength."""
CHANNELS = 4
"""Number of maps of a planet."""
TEMPLATES = 11
"""Number of templates: the window and five modes of the drift in time; the star's spectrum, its
slope and three modes of the drift in wavelength."""
SMALLEST_SPREAD = 1e-3
"""Least uncertainty of the drift in a cell, and least sigma of a Z-score, over the noise."""


@dataclass(frozen=True)
class Maps:
    """Inputs of the networks for a batch of planets, dtype float32.

    Attributes
    ----------
    maps : Tensor [shape=(planet, 4, 48, 48)]
        The residual as a robust Z-score over time at each wavelength; the inverse hyperbolic sine
        of the mean drift, and the logarithm of its uncertainty, both in units of the noise of a
        cell; the logarithm of the sigma of the Z-score in the same units.
    spread : Tensor [shape=(planet, 48, 48)]
        Standard deviation of the drift model, in units of the noise of a cell.
    templates : Tensor [shape=(planet, 11, 48)]
        Series along time or wavelength, of rms 1.
    along_time : Tensor [shape=(planet, 48)]
        Weights over time; see `along_wavelength`.
    along_wavelength : Tensor [shape=(planet, 4, 48)]
        ``along_wavelength @ (along_time @ map)`` is the contribution of a map to the apparent
        depths, as coefficients in wavelength in the whitened coordinates of the drift model.
    """

    maps: Tensor
    spread: Tensor
    templates: Tensor
    along_time: Tensor
    along_wavelength: Tensor

    def as_dict(self) -> dict[str, Tensor]:
        """Return the keyword arguments of the network's ``forward``."""
        return dict(vars(self))


def to_cells(systematics: Systematics, light: Tensor) -> Tensor:
    """Average log fluxes over cells, in units of the noise of the cell.

    Parameters
    ----------
    systematics : Systematics
        Weights and time grid of the light curves.
    light : Tensor [shape=(planet, time, wavelength)]
        Log fluxes.

    Returns
    -------
    Tensor [shape=(planet, 48, 48), dtype=float64]
        Zero in cells without data.
    """
    in_time, in_wavelength = _time_cells(systematics), _wavelength_cells(systematics)
    weighted = systematics.time_weight[..., None] * light * systematics.weight[:, None, :]
    total = torch.einsum("ct,ptl,dl->pcd", in_time, weighted, in_wavelength)
    return total / _cell_scale(systematics).clamp(min=1e-30)


def make_maps(systematics: Systematics) -> Maps:
    """Compute the inputs of the networks for a batch of planets.

    Parameters
    ----------
    systematics : Systematics

    Returns
    -------
    Maps
    """
    drift = systematics.level_free(systematics.drift)
    spread = _spread(systematics).clamp(min=SMALLEST_SPREAD)
    residual, log_sigma = _zscore(to_cells(systematics, systematics.residual))
    drift = torch.asinh(to_cells(systematics, drift))
    along_time, along_wavelength = _readout(systematics)
    parts = (
        torch.stack([residual, drift, torch.log(spread), log_sigma], dim=1),
        spread,
        _templates(systematics),
        along_time,
        along_wavelength,
    )
    return Maps(*(part.float() for part in parts))


def _zscore(cells: Tensor) -> tuple[Tensor, Tensor]:
    """Normalise maps over time; return Z-scores and the log of their sigma, of the same shape."""
    # Imported here because preprocessing needs numba, and networks must be usable without it.
    from ariel_kit.preprocessing.normalize import robust_zscore

    values, _, sigma = robust_zscore(cells.cpu().numpy(), axis=1)
    log_sigma = np.log(np.maximum(sigma, SMALLEST_SPREAD)).repeat(CELLS, axis=1)
    return torch.as_tensor(values).to(cells), torch.as_tensor(log_sigma).to(cells)


def whitening(systematics: Systematics) -> tuple[Tensor, Tensor]:
    """Compute the distribution of the drift's contribution to the apparent depths.

    Returns
    -------
    mean : Tensor [shape=(planet, term), dtype=float64]
        Mean of its coefficients in wavelength.
    factor : Tensor [shape=(planet, term, term), dtype=float64]
        Cholesky factor of their covariance.
    """
    seen = systematics.nuisances.moved(systematics.projection())
    return seen.mean, torch.linalg.cholesky(seen.covariance)


def corrected(systematics: Systematics, shift: Tensor, log_scale: Tensor) -> Gaussian:
    """Correct the posterior of the nuisance parameters by the output of a network.

    The network corrects the drift's contribution to the apparent depths. All other combinations of
    nuisance parameters change according to the covariance of the drift model.

    Parameters
    ----------
    systematics : Systematics
    shift, log_scale : Tensor [shape=(planet, term), dtype=float64]
        New mean and logarithm of the new standard deviation, in whitened coordinates; zeros change
        nothing.

    Returns
    -------
    Gaussian
    """
    old, projection = systematics.nuisances, systematics.projection()
    factor = whitening(systematics)[1]
    # The gain maps a change of the whitened coefficients to that of all nuisance parameters.
    gain = old.covariance @ projection.transpose(1, 2)
    gain = torch.linalg.solve_triangular(factor, gain.transpose(1, 2), upper=False).transpose(1, 2)
    change = torch.diag_embed(torch.exp(2 * log_scale) - 1)
    return Gaussian(
        old.mean + (gain @ shift[..., None])[..., 0],
        old.covariance + gain @ change @ gain.transpose(1, 2),
    )


def _time_cells(systematics: Systematics) -> Tensor:
    """Build the membership matrix of bins in cells of equal length [shape=(cell, time)]."""
    time = torch.tensor(systematics.time, device=systematics.weight.device)
    first, last = time[0], time[-1]
    index = ((time - first) / (last - first + 1e-12) * CELLS).long().clamp(max=CELLS - 1)
    return torch.nn.functional.one_hot(index, CELLS).to(systematics.weight.dtype).T


def _wavelength_cells(systematics: Systematics) -> Tensor:
    n = systematics.weight.shape[1]
    index = torch.arange(n, device=systematics.weight.device) * CELLS // n
    return torch.nn.functional.one_hot(index, CELLS).to(systematics.weight.dtype).T


def _cell_scale(systematics: Systematics) -> Tensor:
    """Compute the inverse noise of each cell [shape=(planet, cell, cell)]."""
    along_time = systematics.time_weight @ _time_cells(systematics).T
    along_wavelength = systematics.weight @ _wavelength_cells(systematics).T
    return torch.sqrt(along_time[:, :, None] * along_wavelength[:, None, :])


def _mean_in_time(systematics: Systematics, series: Tensor) -> Tensor:
    """Average series [shape=(planet, time, ...)] into cells [shape=(planet, cell, ...)]."""
    member = _time_cells(systematics)[None] * systematics.time_weight[:, None, :]
    member = member / member.sum(2, keepdim=True).clamp(min=1e-30)
    return torch.einsum("pct,pt...->pc...", member, series)


def _mean_in_wavelength(systematics: Systematics, series: Tensor) -> Tensor:
    """Average series [shape=(planet, wavelength, ...)] into cells [shape=(planet, cell, ...)]."""
    member = _wavelength_cells(systematics)[None] * systematics.weight[:, None, :]
    return torch.einsum("pcl,pl...->pc...", member / member.sum(2, keepdim=True), series)


def _modes_in_time(systematics: Systematics) -> Tensor:
    """Average the level-free modes of the drift into cells [shape=(planet, cell, degree)]."""
    basis = systematics.basis.expand(len(systematics.weight), -1, -1)
    return _mean_in_time(systematics, systematics.level_free(basis))


def _spread(systematics: Systematics) -> Tensor:
    modes = _modes_in_time(systematics)
    columns = systematics.columns.expand(len(systematics.weight), -1, -1)
    columns = _mean_in_wavelength(systematics, columns)
    covariance = systematics.nuisances.covariance[:, systematics.places][..., systematics.places]
    in_time = torch.einsum("pci,pjikl,pcl->pcjk", modes, covariance, modes)
    variance = torch.einsum("pdj,pcjk,pdk->pcd", columns, in_time, columns)
    return torch.sqrt(variance.clamp(min=0)) * _cell_scale(systematics)


def _readout(systematics: Systematics) -> tuple[Tensor, Tensor]:
    weight_time = systematics.time_weight @ _time_cells(systematics).T
    weight = systematics.weight @ _wavelength_cells(systematics).T
    along_time = systematics.readout @ _time_cells(systematics).T
    colours = _mean_in_wavelength(systematics, systematics.colours)
    weighted = (colours * weight[..., None]).transpose(1, 2)
    orders = torch.linalg.solve(weighted @ colours, weighted)
    whitened = torch.linalg.solve_triangular(whitening(systematics)[1], orders, upper=False)
    return (
        along_time / torch.sqrt(weight_time).clamp(min=1e-30),
        whitened / torch.sqrt(weight)[:, None, :],
    )


def _templates(systematics: Systematics) -> Tensor:
    light = torch.sqrt(systematics.weight @ _wavelength_cells(systematics).T)
    in_time = [
        _mean_in_time(systematics, systematics.window),
        *_modes_in_time(systematics).unbind(2),
    ]
    orders = _mean_in_wavelength(systematics, systematics.colours).unbind(2)[1:]
    series = [*in_time, light, torch.gradient(light, dim=1)[0], *orders]
    stack = torch.stack(series, dim=1)
    stack = stack - stack.mean(2, keepdim=True)
    return stack / stack.square().mean(2, keepdim=True).sqrt().clamp(min=1e-30)
