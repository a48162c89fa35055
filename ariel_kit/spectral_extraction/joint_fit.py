"""The joint fit: what the light curves of a planet say about its 283 depths, in closed form.

For AIRS at time t and wavelength l, and in the same way for FGS1,

    log flux = a_l + log(1 + z(t, l)) + log(1 - d_l S_l(t; window, d_l)) + noise,
    z = sum_ij n_ij P_i(t) Q_j(l).

All but the depths d are eliminated (a Gaussian prior on the window, limb darkening included, a flat
one on the levels a, that of `rank_one` on AIRS's drift n). What remains is a 283 x 283 precision
matrix and a right-hand side: every prior afterwards works on that pair and never on the light
curves again. Everything runs batched in float64 torch, on the CPU or a GPU.
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
    """A batch of visits on common time grids, ready to be linearised about any window.

    Parameters
    ----------
    airs, fgs1 : sequence of LightCurves
        One per visit; all on the same grid.
    white : WhiteLight
        The white-light fits of the same visits: the first reference.
    drift : DriftPrior
        Of the same visits.
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
        # FGS1 is index 0 of a spectrum, so it goes first here too.
        self.channels = (Channel.of(fgs1, self.device), Channel.of(airs, self.device))
        self.window = white.window.copy()
        self.depths = self._tensor(white.depth)[:, None].repeat(1, 1 + airs[0].flux.shape[1])
        self.believe(white.prior)

    def believe(self, prior: WindowPrior) -> None:
        """Take another prior of the windows."""
        self.prior = prior
        self._prior = NuisancePrior.of(self.drift, prior.precision, self.device)

    def expect(self, drift: DriftPrior) -> None:
        """Take another prior of the drifts."""
        self.drift = drift
        self.believe(self.prior)

    @property
    def n_window(self) -> int:
        """Number of coordinates of a window; they are the last of the nuisances."""
        return self.window.shape[1]

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        return torch.as_tensor(array, dtype=torch.float64, device=self.device)

    def linearise(self) -> Linearised:
        """Eliminate levels, drift and window about the current window and depths."""
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
        """Take a new reference.

        Parameters
        ----------
        window : ndarray [shape=(visit, coordinate)]
            Taken as far as one sigma of its prior.
        depths : Tensor [shape=(visit, 283)]
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
        """Compute log(1 + z) - z [shape=(visit, time, wavelength)]: -z^2 / 2 and so on.

        The light at the start of the visit is the reference; another one changes it by less than
        a hundredth of z.
        """
        start = time_basis(np.zeros(1), DEGREE)
        basis = self._tensor(time_basis(self.channels[which].time, DEGREE) - start)
        z = basis @ drift.reshape(len(drift), DEGREE, -1) @ self._modes[which].T
        return torch.log1p(z) - z

    def misfit(self, linearised: Linearised, depths: torch.Tensor) -> np.ndarray:
        """Compute the rms of what the fit leaves of each light curve, in units of its noise.

        Parameters
        ----------
        linearised : Linearised
            About the present reference.
        depths : Tensor [shape=(visit, 283)]
            The depths concluded.

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
        """Take the noise of each light curve to be `factor` [shape=(visit, 283)] times larger."""
        fgs1, airs = (
            replace(channel, weight=channel.weight * self._tensor(part**-2.0))
            for channel, part in zip(self.channels, (factor[:, :1], factor[:, 1:]), strict=True)
        )
        self.channels = (fgs1, airs)

    def systematics(self, linearised: Linearised) -> Systematics:
        """Give the blind light of AIRS about the present reference, and the drift found in it."""
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
        """Build columns in time (level, drift, window, depth) and the residual of the reference."""
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
        # The level of each wavelength is free: one Schur complement serves them all.
        gram_level, right_level = gram[:, :1, :1], right[:, :1]
        right = right[:, 1:] - gram[:, 1:, :1] @ right_level / gram_level
        gram = gram[:, 1:, 1:] - gram[:, 1:, :1] @ gram[:, :1, 1:] / gram_level
        return _Block.of(gram, right, channel.weight, self._expansion(which, depths))

    def _expansion(self, which: int, depths: torch.Tensor) -> torch.Tensor:
        """Map nuisances to the time coefficients of each wavelength.

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
        """Map a window to the columns of each wavelength; a deeper one answers more.

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
