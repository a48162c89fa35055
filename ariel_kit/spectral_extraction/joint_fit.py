"""The joint fit: the likelihood of a planet's 283 depths given its light curves, in closed form.

For AIRS at time t and wavelength l, and in the same way for FGS1,

    log flux = a_l + log(1 + z(t, l)) + log(1 - d_l S_l(t; window, d_l)) + noise,
    z = sum_ij n_ij P_i(t) Q_j(l).

All parameters but the depths d are marginalised. The priors are Gaussian on the window, including
limb darkening, flat on the levels a, and that of `rank_one` on AIRS's drift n; S is the transit
window and P, Q are Legendre polynomials. The result is a 283 x 283 precision matrix and a
right-hand side, and priors on the spectrum need only these two and not the light curves. Everything
runs in batches, in float64 torch, on the CPU or a GPU.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from ariel_kit.core.observation import LightCurves
from ariel_kit.light_curve.drift import (
    COLUMNS,
    DEGREE,
    DriftPrior,
    column_basis,
    time_basis,
    wavelength_basis,
)
from ariel_kit.light_curve.population import WindowPrior
from ariel_kit.light_curve.systematics import BlindLikelihood, Systematics
from ariel_kit.light_curve.white_light import LARGEST_DEPTH, SMALLEST_DEPTH, WhiteLight
from ariel_kit.light_curve.window import (
    AIRS,
    FGS1,
    MOST_BLOCKED,
    PATH,
    SLOPE,
    blocked_light,
    colour,
    columns,
    linearise,
)
from ariel_kit.spectral_extraction.channel import Channel
from ariel_kit.spectral_extraction.linearised import Linearised, apply
from ariel_kit.spectral_extraction.nuisances import N_DRIFT, NuisancePrior


class JointFit:
    """A batch of visits on common time grids, which can be linearised about any reference.

    Parameters
    ----------
    airs, fgs1 : sequence of LightCurves
        Light curves of each visit; those of one instrument share a time grid.
    white : WhiteLight
        White-light fits of the same visits, which are the first reference.
    drift : DriftPrior
        Prior of the drifts of the same visits.
    device : torch.device
    """

    def __init__(
        self,
        airs: Sequence[LightCurves],
        fgs1: Sequence[LightCurves],
        white: WhiteLight,
        drift: DriftPrior,
        *,
        device: torch.device | str = "cpu",
    ) -> None:
        self.device = torch.device(device)
        self.white = white
        self.drift = drift
        self._light = np.stack([curves.flux.mean(axis=0) for curves in airs])
        self._modes = (self._tensor(np.ones((1, 1))), self._tensor(column_basis()))
        self._bend: tuple[torch.Tensor | float, torch.Tensor | float] = (0.0, 0.0)
        # FGS1 comes first, as in a spectrum, where it has index 0.
        self.channels = (Channel.of(fgs1, self.device), Channel.of(airs, self.device))
        self.window = white.window.copy()
        self.depths = self._tensor(white.depth)[:, None].repeat(1, 1 + airs[0].flux.shape[1])
        self.believe(white.prior)

    def believe(self, prior: WindowPrior) -> None:
        """Replace the prior of the windows."""
        self.prior = prior
        self._prior = NuisancePrior.of(self.drift, prior.precision, self.device)

    def expect(self, drift: DriftPrior) -> None:
        """Replace the prior of the drifts."""
        self.drift = drift
        self.believe(self.prior)

    @property
    def n_window(self) -> int:
        """Number of coordinates of a window, which are the last nuisance parameters."""
        return self.window.shape[1]

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        return torch.as_tensor(array, dtype=torch.float64, device=self.device)

    def linearise(self) -> Linearised:
        """Linearise about the current reference, and marginalise the levels."""
        slices = (slice(0, 1), slice(1, None))
        blocks = [
            self._reduce(self.channels[which], self.depths[:, slices[which]], which)
            for which in (FGS1, AIRS)
        ]
        weight = torch.cat([block.depth_precision for block in blocks], dim=1)
        above = torch.cat([block.depth_information for block in blocks], dim=1) / weight
        modes = torch.cat([block.cross for block in blocks], dim=1) / weight[..., None]
        weighted = modes.transpose(1, 2) * weight[:, None, :]
        blind = BlindLikelihood(
            sum(block.nuisance_precision for block in blocks) - weighted @ modes,
            sum(block.nuisance_information for block in blocks) - apply(weighted, above),
        )
        pull = self._tensor(
            np.einsum("pij,pj->pi", self.prior.precision, self.prior.mean - self.window)
        )
        pull = torch.nn.functional.pad(pull, (self._prior.size - self.n_window, 0))
        nuisances, drift = self._prior.posterior(blind, pull)
        return Linearised(self.depths + above, weight, modes, nuisances, drift)

    def move_to(self, window: np.ndarray, depths: torch.Tensor, drift: torch.Tensor) -> None:
        """Set a new reference.

        Parameters
        ----------
        window : ndarray [shape=(visit, coordinate)]
            New coordinates of the windows. A step is limited to one sigma of the prior.
        depths : Tensor [shape=(visit, 283)]
            New depths.
        drift : Tensor [shape=(visit, 35)]
            Coefficients of FGS1's drift, then of AIRS's.
        """
        limit = np.sqrt(np.diagonal(np.linalg.inv(self.prior.precision), axis1=1, axis2=2))
        step = np.clip(window - self.window, -limit, limit)
        self.window = self.prior.orbit.clip(self.window + step, self.white.depth)
        self.depths = depths.clamp(SMALLEST_DEPTH, LARGEST_DEPTH)
        self._bend = (
            self._bend_of(FGS1, drift[:, :DEGREE]),
            self._bend_of(AIRS, drift[:, DEGREE:]),
        )

    def _bend_of(self, which: int, drift: torch.Tensor) -> torch.Tensor:
        """Compute log(1 + z) - z, the part of the log flux that is not linear in the drift.

        The drift is z = 0 at the start of the visit. Another zero point changes the result by less
        than a hundredth of z.

        Returns
        -------
        Tensor [shape=(visit, time, wavelength)]
        """
        start = time_basis(np.zeros(1), DEGREE)
        basis = self._tensor(time_basis(self.channels[which].time, DEGREE) - start)
        z = basis @ drift.reshape(len(drift), DEGREE, -1) @ self._modes[which].T
        return torch.log1p(z) - z

    def misfit(self, linearised: Linearised, depths: torch.Tensor) -> np.ndarray:
        """Compute the rms residual of each light curve, in units of its noise.

        Parameters
        ----------
        linearised : Linearised
            Linearisation about the current reference.
        depths : Tensor [shape=(visit, 283)]
            Depths of the spectrum.

        Returns
        -------
        ndarray [shape=(visit, 283), dtype=float64]
        """
        nuisances, left = linearised.nuisances_at(depths), []
        for which, part in ((FGS1, slice(0, 1)), (AIRS, slice(1, None))):
            channel, reference = self.channels[which], self.depths[:, part]
            design, residual = self._design(channel, reference, which)
            spread = apply(self._expansion(which, reference).flatten(1, 2), nuisances)
            n_planets, n_wavelengths = reference.shape
            coefficients = spread.reshape(n_planets, n_wavelengths, -1).transpose(1, 2)
            steps = torch.cat([coefficients, (depths[:, part] - reference)[:, None]], dim=1)
            residual = residual - design[:, :, 1:] @ steps
            share = (channel.time_weight / channel.time_weight.sum(1, keepdim=True))[..., None]
            residual = residual - (share * residual).sum(1, keepdim=True)
            left.append(torch.sqrt((share * residual**2).sum(1) * channel.weight))
        return torch.cat(left, dim=1).cpu().numpy()

    def weaken(self, factor: np.ndarray) -> None:
        """Multiply the noise of each light curve by `factor` [shape=(visit, 283)]."""
        fgs1, airs = (
            replace(channel, weight=channel.weight * self._tensor(part**-2.0))
            for channel, part in zip(self.channels, (factor[:, :1], factor[:, 1:]), strict=True)
        )
        self.channels = (fgs1, airs)

    def systematics(self, linearised: Linearised) -> Systematics:
        """Compute the residual AIRS light curves about the current reference, and their drift."""
        channel, depths = self.channels[AIRS], self.depths[:, 1:]
        design, residual = self._design(channel, depths, AIRS)
        empty = Systematics(
            time=channel.time,
            time_weight=channel.time_weight,
            weight=channel.weight,
            window=design[:, :, -1],
            residual=residual,
            basis=self._tensor(time_basis(channel.time, DEGREE)),
            columns=self._modes[AIRS],
            colours=self._tensor(wavelength_basis(self._light)),
            nuisances=linearised.nuisances,
            places=torch.arange(DEGREE, N_DRIFT, device=self.device).reshape(DEGREE, COLUMNS).T,
        )
        framed = replace(empty, window=empty.level_free(empty.window))
        spread = self._window_expansion(AIRS, depths)
        window = linearised.nuisances.mean[:, -self.n_window :]
        moved = torch.einsum(
            "ptk,plkw,pw->ptl", design[:, :, -1 - spread.shape[2] : -1], spread, window
        )
        left = framed.level_free(residual - framed.drift - moved)
        above = torch.einsum("pt,ptl->pl", framed.readout, left)
        return replace(framed, residual=left - framed.window[..., None] * above[:, None, :])

    def _design(
        self, channel: Channel, depths: torch.Tensor, which: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Build the design matrix in time, and the residuals of the reference.

        The columns are level, drift, window and depth.
        """
        where = (channel.time, channel.span, self.window)
        level, orbit = self.white.depth, self.prior.orbit
        transit = linearise(*where, level, orbit, which)
        depth = self._tensor(level)[:, None]
        light = 1 - depth * self._tensor(transit.window)
        basis = self._tensor(time_basis(channel.time, DEGREE))
        design = torch.cat(
            [
                torch.ones_like(light)[..., None],
                basis.expand(len(level), -1, -1),
                -(depth / light)[..., None] * self._tensor(transit.slopes),
                -(self._tensor(transit.response) / light)[..., None],
            ],
            dim=2,
        )
        blocked = blocked_light(*where, depths.cpu().numpy(), orbit, which)
        transmitted = torch.log1p(-self._tensor(np.minimum(blocked, MOST_BLOCKED)))
        return design, channel.log_flux - transmitted - self._bend[which]

    def _reduce(self, channel: Channel, depths: torch.Tensor, which: int) -> _Block:
        design, residual = self._design(channel, depths, which)
        weighted = (design * channel.time_weight[..., None]).transpose(1, 2)
        gram, right = weighted @ design, weighted @ residual
        # The levels are marginalised; the Schur complement is the same for all wavelengths.
        gram_level, right_level = gram[:, :1, :1], right[:, :1]
        right = right[:, 1:] - gram[:, 1:, :1] @ right_level / gram_level
        gram = gram[:, 1:, 1:] - gram[:, 1:, :1] @ gram[:, :1, 1:] / gram_level
        return _Block.of(gram, right, channel.weight, self._expansion(which, depths))

    def _expansion(self, which: int, depths: torch.Tensor) -> torch.Tensor:
        """Compute the map from nuisance parameters to each wavelength's coefficients in time.

        Returns
        -------
        Tensor [shape=(planet, wavelength, degree + column, nuisance)]
        """
        window = self._window_expansion(which, depths)
        out = window.new_zeros(*depths.shape, DEGREE + window.shape[2], N_DRIFT + self.n_window)
        first, width = (0, 1) if which == FGS1 else (DEGREE, COLUMNS)
        for i in range(DEGREE):
            out[:, :, i, first + i * width : first + (i + 1) * width] = self._modes[which]
        out[:, :, DEGREE:, N_DRIFT:] = window
        return out

    def _window_expansion(self, which: int, depths: torch.Tensor) -> torch.Tensor:
        """Compute the map from window coordinates to each wavelength's columns of the window.

        The columns of the design matrix are those of white light; they scale with the depth.

        Returns
        -------
        Tensor [shape=(planet, wavelength, column, coordinate)]
        """
        seen = columns(self.n_window, which)
        out = self._tensor(np.zeros((*depths.shape, len(seen), self.n_window)))
        relative = depths / self._tensor(self.white.depth)[:, None]
        for column, place in enumerate(seen):
            out[:, :, column, place] = relative
        if which == AIRS and self.n_window > SLOPE:
            out[:, :, PATH, SLOPE] = relative * self._tensor(colour())
        return out


@dataclass(frozen=True)
class _Block:
    """Normal equations of one instrument in depths and nuisance parameters."""

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
        """Combine the Gram matrix in time with the weights of the wavelengths."""
        weighted = expansion * weight[..., None, None]
        projected = torch.einsum("pab,plbn->plan", gram[:, :-1, :-1], expansion)
        return cls(
            depth_precision=weight * gram[:, -1, -1, None],
            depth_information=weight * right[:, -1],
            nuisance_precision=torch.einsum("plan,plam->pnm", weighted, projected),
            nuisance_information=torch.einsum("plan,pal->pn", weighted, right[:, :-1]),
            cross=torch.einsum("pa,plan->pln", gram[:, -1, :-1], weighted),
        )
