"""The joint fit: what the light curves of a planet say about its 283 depths, in closed form.

For AIRS at time t and wavelength l, and in the same way for FGS1,

    log flux = a_l + sum_ij c_ij P_i(t) Q_j(l) + log(1 - d_l S(t; shape, d_l)) + noise.

All but the depths d are eliminated exactly (Gaussian priors on the drift c and the window's
shape, a flat one on the levels a). What remains is a 283 x 283 precision matrix and a right-hand
side: every prior afterwards works on that pair and never on the light curves again. Everything
runs batched in float64 torch, on the CPU or a GPU.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from ariel_kit.core.observation import LightCurves
from ariel_kit.light_curve.drift import DriftPrior, time_basis, wavelength_basis
from ariel_kit.light_curve.systematics import BlindLikelihood, Gaussian, Systematics
from ariel_kit.light_curve.white_light import (
    SHAPE_MEAN,
    SHAPE_SIGMA,
    WhiteLight,
    window_and_slopes,
)
from ariel_kit.spectral_extraction.nuisances import N_SHAPE, TERMS, NuisancePrior


@dataclass(frozen=True)
class Channel:
    """Log light curves of one instrument for a batch of planets on one time grid.

    Attributes
    ----------
    time, span : ndarray [shape=(time,), unit=hour]
    log_flux : Tensor [shape=(planet, time, wavelength), dtype=float64]
        Log flux, minus its mean over time.
    time_weight : Tensor [shape=(planet, time), dtype=float64]
        Shape in time of the inverse variance, mean 1 over bins that hold data.
    weight : Tensor [shape=(planet, wavelength), dtype=float64]
        Inverse variance of `log_flux` where `time_weight` is 1.
    """

    time: np.ndarray
    span: np.ndarray
    log_flux: torch.Tensor
    time_weight: torch.Tensor
    weight: torch.Tensor

    @classmethod
    def of(cls, curves: Sequence[LightCurves], device: torch.device) -> Channel:
        """Stack light curves that share a time grid.

        The inverse variance is taken as a product of a time and a wavelength part: exact for
        bins of any lengths, and good to the square of the depth through the transit.
        """
        flux = torch.as_tensor(np.stack([c.flux for c in curves]), device=device)
        noise = torch.as_tensor(np.stack([c.noise for c in curves]), device=device)
        inverse = (flux / noise) ** 2
        time_weight = 1 / (noise**2).sum(2)
        time_weight = time_weight / time_weight.mean(1, keepdim=True)
        weight = inverse.sum(1) / time_weight.sum(1, keepdim=True)
        log_flux = torch.log(flux)
        return cls(
            curves[0].time,
            curves[0].span,
            log_flux - log_flux.mean(1, keepdim=True),
            time_weight,
            weight,
        )


@dataclass(frozen=True)
class DepthLikelihood:
    """The light curves' Gaussian likelihood of the depths, nuisances eliminated.

    Attributes
    ----------
    precision : Tensor [shape=(planet, 283, 283), dtype=float64]
    information : Tensor [shape=(planet, 283), dtype=float64]
        ``precision @ d`` at the depths d of highest likelihood.
    """

    precision: torch.Tensor
    information: torch.Tensor

    def weakened(self, factor: np.ndarray) -> DepthLikelihood:
        """As if each planet's noise were `factor` [shape=(planet,)] times larger."""
        share = torch.as_tensor(factor**-2.0, device=self.precision.device)
        return DepthLikelihood(
            self.precision * share[:, None, None], self.information * share[:, None]
        )


@dataclass(frozen=True)
class Linearised:
    """One linearisation of a batch: apparent depths, and what the nuisances add to them.

    Attributes
    ----------
    apparent : Tensor [shape=(planet, 283), dtype=float64]
        Projection of each light curve on the transit window: depth + modes @ nuisances + noise.
    weight : Tensor [shape=(planet, 283), dtype=float64]
        Inverse variance of that noise.
    modes : Tensor [shape=(planet, 283, nuisance), dtype=float64]
        What a unit of each nuisance looks like on the window.
    nuisances : Gaussian
        As the blind part of the light curves tells them; independent of the noise above.
    """

    apparent: torch.Tensor
    weight: torch.Tensor
    modes: torch.Tensor
    nuisances: Gaussian

    @property
    def likelihood(self) -> DepthLikelihood:
        """Of the depths, nuisances eliminated."""
        weighted, factor = self._after()
        half = torch.linalg.solve_triangular(factor, weighted.transpose(1, 2), upper=False)
        precision = torch.diag_embed(self.weight) - half.transpose(1, 2) @ half
        shifted = self.apparent - _apply(self.modes, self.nuisances.mean)
        return DepthLikelihood(precision, _apply(precision, shifted))

    def nuisances_at(self, depths: torch.Tensor) -> torch.Tensor:
        """Most probable nuisances [shape=(planet, nuisance)] given the depths."""
        weighted, factor = self._after()
        mean = self.nuisances.mean
        missed = self.apparent - depths - _apply(self.modes, mean)
        right = _apply(weighted.transpose(1, 2), missed)[..., None]
        return mean + torch.cholesky_solve(right, factor)[..., 0]

    def _after(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Weighted modes, and the Cholesky factor of the nuisances' precision at given depths."""
        weighted = self.modes * self.weight[..., None]
        blind = torch.cholesky_inverse(torch.linalg.cholesky(self.nuisances.covariance))
        return weighted, torch.linalg.cholesky(blind + self.modes.transpose(1, 2) @ weighted)


def _apply(matrix: torch.Tensor, vector: torch.Tensor) -> torch.Tensor:
    return (matrix @ vector[..., None])[..., 0]


class JointFit:
    """A batch of planets on common time grids, ready to be linearised about any window.

    Parameters
    ----------
    airs, fgs1 : sequence of LightCurves
        One per planet; all on the same grid.
    white : WhiteLight
        The white-light fits of the same planets: the first reference.
    drift : DriftPrior
        Of the same planets.
    limb_darkening : tuple of float
        Quadratic coefficients.
    device : torch.device
    """

    def __init__(
        self,
        airs: Sequence[LightCurves],
        fgs1: Sequence[LightCurves],
        white: WhiteLight,
        drift: DriftPrior,
        *,
        limb_darkening: tuple[float, float] = (0.0, 0.0),
        device: torch.device | str = "cpu",
    ) -> None:
        self.device = torch.device(device)
        self.limb_darkening = limb_darkening
        self.white = white
        self._prior = NuisancePrior.of(drift, self.device)
        light = np.stack([curves.flux.mean(axis=0) for curves in airs])
        self._modes = (
            self._tensor(np.ones((len(light), 1, 1))),
            self._tensor(wavelength_basis(light)),
        )
        # FGS1 is index 0 of a spectrum, so it goes first here too.
        self.channels = (Channel.of(fgs1, self.device), Channel.of(airs, self.device))
        self.shape = white.shape.copy()
        self.depths = self._tensor(white.depth)[:, None].repeat(1, 1 + airs[0].flux.shape[1])

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        return torch.as_tensor(array, dtype=torch.float64, device=self.device)

    def linearise(self) -> Linearised:
        """Eliminate levels, drift and shape about the current shape and depths."""
        slices = (slice(0, 1), slice(1, None))
        blocks = [
            self._reduce(channel, self.depths[:, part], which)
            for which, (channel, part) in enumerate(zip(self.channels, slices, strict=True))
        ]
        weight = torch.cat([block.depth_precision for block in blocks], dim=1)
        above = torch.cat([block.depth_information for block in blocks], dim=1) / weight
        modes = torch.cat([block.cross for block in blocks], dim=1) / weight[..., None]
        weighted = modes.transpose(1, 2) * weight[:, None, :]
        blind = BlindLikelihood(
            sum(block.nuisance_precision for block in blocks) - weighted @ modes,
            sum(block.nuisance_information for block in blocks) - _apply(weighted, above),
        )
        pull = self._tensor((SHAPE_MEAN - self.shape) * SHAPE_SIGMA**-2.0)
        pull = torch.nn.functional.pad(pull, (self._prior.size - N_SHAPE, 0))
        nuisances = self._prior.posterior(blind, pull)
        return Linearised(self.depths + above, weight, modes, nuisances)

    def move_to(self, linearised: Linearised, depths: torch.Tensor) -> None:
        """Take new depths, and the window's shape that goes with them, as the reference."""
        nuisances = linearised.nuisances_at(depths)
        self.shape = self.shape + nuisances[:, -N_SHAPE:].cpu().numpy()
        self.depths = depths

    def systematics(self, linearised: Linearised) -> Systematics:
        """The blind light of AIRS about the present reference, and the drift found in it."""
        channel, depths = self.channels[1], self.depths[:, 1:]
        design, residual = self._design(channel, depths)
        places = torch.stack([self._prior.airs(j) for j in range(TERMS)])
        empty = Systematics(
            time=channel.time,
            time_weight=channel.time_weight,
            weight=channel.weight,
            window=design[:, :, -1],
            residual=residual,
            basis=self._tensor(time_basis(channel.time, self._prior.degree)),
            colours=self._modes[1],
            nuisances=linearised.nuisances,
            places=places.to(self.device),
        )
        framed = replace(empty, window=empty.level_free(empty.window))
        shape = linearised.nuisances.mean[:, -N_SHAPE:]
        moved = torch.einsum("ptk,pk->pt", design[:, :, -1 - N_SHAPE : -1], shape)
        relative = (depths / self._tensor(self.white.depth)[:, None])[:, None, :]
        left = framed.level_free(residual - framed.drift - moved[..., None] * relative)
        above = torch.einsum("pt,ptl->pl", framed.readout, left)
        return replace(framed, residual=left - framed.window[..., None] * above[:, None, :])

    def _design(self, channel: Channel, depths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Columns in time (level, drift, shape, depth), and the residual about the reference."""
        white = self.white.depth
        window, slopes, response = (
            self._tensor(array)
            for array in window_and_slopes(
                channel.time, channel.span, self.shape, white, self.limb_darkening
            )
        )
        depth = self._tensor(white)[:, None]
        light = 1 - depth * window
        basis = self._tensor(time_basis(channel.time, self._prior.degree))
        design = torch.cat(
            [
                torch.ones_like(window)[..., None],
                basis.expand(len(white), -1, -1),
                -(depth / light)[..., None] * slopes,
                -(response / light)[..., None],
            ],
            dim=2,
        )
        # The response to depth holds the longer ingress of a deeper wavelength too.
        blocked = (depth * window)[..., None] + response[..., None] * (depths - depth)[:, None, :]
        return design, channel.log_flux - torch.log1p(-blocked)

    def _reduce(self, channel: Channel, depths: torch.Tensor, which: int) -> _Block:
        design, residual = self._design(channel, depths)
        weighted = (design * channel.time_weight[..., None]).transpose(1, 2)
        gram, right = weighted @ design, weighted @ residual
        # The level of each wavelength is free: one Schur complement serves them all.
        gram_level, right_level = gram[:, :1, :1], right[:, :1]
        right = right[:, 1:] - gram[:, 1:, :1] @ right_level / gram_level
        gram = gram[:, 1:, 1:] - gram[:, 1:, :1] @ gram[:, :1, 1:] / gram_level
        expansion = self._expansion(which, depths / self._tensor(self.white.depth)[:, None])
        return _Block.of(gram, right, channel.weight, expansion)

    def _expansion(self, which: int, relative_depth: torch.Tensor) -> torch.Tensor:
        """From nuisances to the time coefficients of each wavelength.

        Returns
        -------
        Tensor [shape=(planet, wavelength, degree + 3, nuisance)]
        """
        degree, terms = self._prior.degree, TERMS
        n_planets, n_wavelengths = relative_depth.shape
        n_drift = degree * (1 + terms)
        out = torch.zeros(
            n_planets, n_wavelengths, degree + N_SHAPE, n_drift + N_SHAPE,
            dtype=torch.float64, device=self.device,
        )  # fmt: skip
        modes = self._modes[which]
        for i in range(degree):
            first = i if which == 0 else degree + i * terms
            out[:, :, i, first : first + modes.shape[2]] = modes
        for k in range(N_SHAPE):
            # A deeper wavelength answers more to a shift of the window.
            out[:, :, degree + k, n_drift + k] = relative_depth
        return out


@dataclass(frozen=True)
class _Block:
    """Normal equations of one instrument in (depths, nuisances)."""

    depth_precision: torch.Tensor
    depth_information: torch.Tensor
    nuisance_precision: torch.Tensor
    nuisance_information: torch.Tensor
    cross: torch.Tensor

    @classmethod
    def of(
        cls,
        gram: torch.Tensor,
        right: torch.Tensor,
        weight: torch.Tensor,
        expansion: torch.Tensor,
    ) -> _Block:
        """Combine one planet-wide time Gram matrix with the weights of the wavelengths."""
        weighted = expansion * weight[..., None, None]
        projected = torch.einsum("pab,plbn->plan", gram[:, :-1, :-1], expansion)
        return cls(
            depth_precision=weight * gram[:, -1, -1, None],
            depth_information=weight * right[:, -1],
            nuisance_precision=torch.einsum("plan,plam->pnm", weighted, projected),
            nuisance_information=torch.einsum("plan,pal->pn", weighted, right[:, :-1]),
            cross=torch.einsum("pa,plan->pln", gram[:, -1, :-1], weighted),
        )
