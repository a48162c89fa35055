"""Make pools for the denoising networks: depth-free residuals with the true drift.

The drift model that the networks are to improve on is the joint fit's own: its priors are learned
from a chunk of planets at a time, as in a run. The window is the true one, so that no planet needs
a white-light fit. Some drifts are of other families than the mission's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ariel_kit.core.instruments import OBSERVATION_HOURS
from ariel_kit.core.observation import LightCurves
from ariel_kit.denoising.maps import make_maps, to_cells, whitening
from ariel_kit.light_curve.checks import summed
from ariel_kit.light_curve.drift import DriftLikelihood, DriftPrior, default_drift
from ariel_kit.light_curve.population import UNIFORM_STARS
from ariel_kit.light_curve.systematics import Systematics
from ariel_kit.light_curve.transit import TransitShape
from ariel_kit.light_curve.white_light import WhiteLight, drift_likelihood_at
from ariel_kit.light_curve.window import AIRS, coordinates
from ariel_kit.simulation import PlanetTruth, draw_planets, simulate_light_curves
from ariel_kit.simulation.drift import DriftFamily, extracted_columns
from ariel_kit.simulation.scene import with_drift
from ariel_kit.spectral_extraction.joint_fit import JointFit
from ariel_kit.training.pools.stored import chunk_names, fetch_pool

CHUNK = 128
STARS = (0, 1, *range(100, 900))
"""Numbers of the stars of training planets; 900 to 999 are reserved for validation."""
STRANGE_FAMILIES: tuple[DriftFamily, ...] = ("legacy", "ramp", "step", "wave")
STRANGE_SHARE = 0.3
"""Share of the planets whose drift is of one of these families."""


@dataclass(frozen=True)
class BlindPlanets:
    """Hold the planets that PhySNet and Ti-MAE learn from.

    Attributes
    ----------
    inputs : dict of str to Tensor
        The fields of `Maps`.
    truth : dict of str to Tensor
        Of simulated planets: ``true_drift`` [shape=(planet, 48, 48), dtype=float32], the drift
        that the model missed, in units of its uncertainty, and ``true_shift``
        [shape=(planet, 4), dtype=float32], the same along the window, whitened.
    """

    inputs: dict[str, Tensor]
    truth: dict[str, Tensor]

    def __len__(self) -> int:
        return len(self.inputs["maps"])

    @classmethod
    def together(cls, parts: Sequence[BlindPlanets]) -> BlindPlanets:
        """Join several chunks."""
        first = parts[0]
        return cls(
            {name: torch.cat([part.inputs[name] for part in parts]) for name in first.inputs},
            {name: torch.cat([part.truth[name] for part in parts]) for name in first.truth},
        )

    @classmethod
    def kept(cls, path: Path, make: Callable[[], BlindPlanets]) -> BlindPlanets:
        """Read the pool in `path`, which is made and written first if it is missing."""
        return fetch_pool(
            path,
            make,
            write=lambda planets, place: torch.save(vars(planets), place),
            read=lambda place: cls(**torch.load(place, weights_only=True)),
        )

    def take(self, rows: np.ndarray, signs: np.ndarray | None = None) -> dict[str, Tensor]:
        """Take a batch, with the sign of some planets' residuals flipped.

        A drift and its negative are equally likely, and so is noise; every planet thus counts
        twice.

        Parameters
        ----------
        rows : ndarray [shape=(batch,), dtype=int]
        signs : ndarray [shape=(batch,)], optional
            1 or -1 for each planet.
        """
        index = torch.from_numpy(np.ascontiguousarray(rows))
        inputs = {name: tensor[index] for name, tensor in self.inputs.items()}
        truth = {name: tensor[index] for name, tensor in self.truth.items()}
        if signs is not None:
            sign = torch.from_numpy(signs.astype(np.float32))
            turned = inputs["maps"][:, :2] * sign[:, None, None, None]
            inputs["maps"] = torch.cat([turned, inputs["maps"][:, 2:]], dim=1)
            truth = {
                name: torch.einsum("p,p...->p...", sign, tensor) for name, tensor in truth.items()
            }
        return inputs | truth


def blind_chunks(
    folder: Path, *, chunks: int, seed: int, stars: Sequence[int] = STARS
) -> BlindPlanets:
    """Fetch chunks of planets, simulated or loaded from `folder`.

    Parameters
    ----------
    folder : Path
        Keeps one file per chunk; a chunk depends on its number, `seed` and `stars` alone.
    chunks, seed : int
    stars : sequence of int

    Returns
    -------
    BlindPlanets
        Of all chunks.
    """

    def make(number: int) -> BlindPlanets:
        rng = np.random.default_rng([seed, number])
        chosen = rng.choice(stars, min(CHUNK, len(stars)), replace=False)
        planets = draw_planets(CHUNK, seed=int(rng.integers(2**31)), stars=chosen.tolist())
        planets = [_with_some_drift(planet, rng) for planet in planets]
        return blind_planets(planets, seed=seed + 1000 * number)

    parts = [
        BlindPlanets.kept(folder / f"blind-{name}.pt", partial(make, number))
        for number, name in enumerate(chunk_names(chunks, seed=seed))
    ]
    return BlindPlanets.together(parts)


def _with_some_drift(planet: PlanetTruth, rng: np.random.Generator) -> PlanetTruth:
    family: DriftFamily = "mission"
    if rng.random() < STRANGE_SHARE:
        family = STRANGE_FAMILIES[rng.integers(len(STRANGE_FAMILIES))]
    return with_drift(planet, family)


def blind_planets(planets: Sequence[PlanetTruth], *, seed: int) -> BlindPlanets:
    """Simulate planets and process them up to the denoising stage of a run.

    Parameters
    ----------
    planets : sequence of PlanetTruth
    seed : int
        Of the noise.

    Returns
    -------
    BlindPlanets
    """
    curves = simulate_light_curves(planets, seed=seed)
    airs, fgs1 = [pair[0] for pair in curves], [pair[1] for pair in curves]
    drifts = [
        np.log1p(planet.airs_drift(light.time / OBSERVATION_HOURS, extracted_columns()))
        for planet, light in zip(planets, airs, strict=True)
    ]
    depths = np.array([planet.depths for planet in planets])
    return _at_the_stage(airs, fgs1, planets, depths, torch.as_tensor(np.array(drifts)))


def _at_the_stage(
    airs: list[LightCurves],
    fgs1: list[LightCurves],
    planets: Sequence[PlanetTruth],
    depths: np.ndarray,
    drift: Tensor,
) -> BlindPlanets:
    light = np.stack([curves.flux.mean(axis=0) for curves in airs])
    white = _true_white_light(planets, (depths[:, 1:] * light).sum(1) / light.sum(1))
    start = default_drift()
    likelihood = drift_likelihood_at(white, summed(airs), start.covariance, AIRS)
    grey = start.learn(likelihood).planet_covariances(likelihood)
    joint = JointFit(airs, fgs1, white, DriftPrior(fgs1=grey, grey=grey))
    joint.depths = torch.as_tensor(depths)
    systematics = joint.systematics(joint.linearise())
    maps = make_maps(systematics)
    missed = systematics.level_free(drift - systematics.drift)
    mean, factor = whitening(systematics)
    target = torch.linalg.solve_triangular(
        factor, (_along_window(systematics, drift) - mean)[..., None], upper=False
    )
    return BlindPlanets(
        maps.as_dict(),
        {
            "true_drift": (to_cells(systematics, missed) / maps.spread).float(),
            "true_shift": target[..., 0].float(),
        },
    )


def _along_window(systematics: Systematics, drift: Tensor) -> Tensor:
    """Compute the change of the apparent depths by a drift, order by order in wavelength."""
    above = torch.einsum("pt,ptl->pl", systematics.readout, systematics.level_free(drift))
    return systematics.orders(above[..., None])[..., 0]


def _true_white_light(planets: Sequence[PlanetTruth], depth: np.ndarray) -> WhiteLight:
    """Build a white-light fit with the true window; fields that only a fit knows stay empty."""
    nothing = np.zeros(0)
    return WhiteLight(
        window=coordinates(TransitShape(*np.array([planet.shape for planet in planets]).T)),
        depth=depth,
        sigma=nothing,
        drift=nothing,
        model=nothing,
        residual=nothing,
        cost=nothing,
        drift_likelihood=DriftLikelihood(nothing, nothing),
        prior=UNIFORM_STARS.prior([None] * len(planets)),
    )
