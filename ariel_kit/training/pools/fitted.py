"""Make pools for the refining network: planets of known truth after the real fit.

Light curves of simulated planets go through `fit_light_curves` chunk by chunk. As in a run, the
prior of a chunk is learned from labels of other planets, whose stars and molecules are known. Half
the planets of a chunk orbit the two stars of 2024, the other half stars that no label knows. Some
planets contain invented gases that no prior knows; their share differs from chunk to chunk. The
size of features, depth, noise and drift vary about those of the simulator.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path

import numpy as np

from ariel_kit.core.observation import Curves, LightCurves, Visit
from ariel_kit.core.spectrum import Spectrum
from ariel_kit.simulation.lightcurves import simulate_light_curves
from ariel_kit.simulation.population import draw_planets
from ariel_kit.simulation.pseudo import pseudo_spectra
from ariel_kit.simulation.scene import PlanetTruth
from ariel_kit.spectral_extraction import fit_light_curves, learn_prior
from ariel_kit.spectral_extraction.features import Errors, describe
from ariel_kit.training.pools.stored import chunk_names, fetch_pool

log = logging.getLogger(__name__)

CHUNK = 96
"""Number of planets that are fitted together and share what is learned about their drift."""
LABELS = 200
"""Number of spectra that the prior of a chunk is learned from."""
PSEUDO_SHARES = (0.5, 0.0, 0.5, 1.0)
"""Share of the planets with invented gases, chunk by chunk."""
STARS = (100, 900)
"""Range of the numbers of the stars that no label knows; the end is excluded."""
NEW_STARS = 16
"""Number of these stars in a chunk."""
SEEDS = 1_000
"""Number of chunks of one seed whose random numbers differ from those of the next seed."""


@dataclass(frozen=True)
class FittedPlanets:
    """Hold the network's input for some planets, and the truth.

    Attributes
    ----------
    features : ndarray [shape=(planet, 15, 283), dtype=float32]
        `ariel_kit.spectral_extraction.features.describe`.
    error : ndarray [shape=(planet, 283), dtype=float32]
        Truth minus fit without its mean over AIRS, over the fit's sigma of it.
    """

    features: np.ndarray
    error: np.ndarray

    @classmethod
    def of(
        cls, spectra: Sequence[Spectrum], curves: Sequence[Curves], depths: Iterable[np.ndarray]
    ) -> FittedPlanets:
        """Describe fitted planets with their true depths; planets without a fit are left out."""
        features, errors = [], []
        for spectrum, pair, truth in zip(spectra, curves, depths, strict=True):
            if spectrum.fit is None:
                continue
            error = truth - spectrum.mean
            features.append(describe(spectrum, pair))
            errors.append((error - error[1:].mean()) / Errors.of(spectrum).shape)
        return cls(np.stack(features), np.stack(errors).astype(np.float32))

    @classmethod
    def together(cls, parts: list[FittedPlanets]) -> FittedPlanets:
        """Join several pools."""
        names = (field.name for field in fields(cls))
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    @classmethod
    def kept(cls, path: Path, make: Callable[[], FittedPlanets]) -> FittedPlanets:
        """Read what `path` holds; make and write it first if need be."""

        def read(place: Path) -> FittedPlanets:
            with place.open("rb") as file, np.load(file) as arrays:
                return cls(**arrays)

        return fetch_pool(
            path, make, write=lambda planets, place: np.savez(place, **vars(planets)), read=read
        )


def fitted_chunks(folder: Path, *, chunks: int, seed: int) -> list[FittedPlanets]:
    """Fetch chunks of fitted planets, which are made once and kept in `folder`.

    Parameters
    ----------
    folder : Path
    chunks : int
        How many; each follows from its number and the seed alone.
    seed : int

    Returns
    -------
    list of FittedPlanets
    """

    def make(number: int) -> FittedPlanets:
        log.info("fitting chunk %d: %d simulated planets", number, CHUNK)
        spectra, curves, truths = fit_chunk(number, seed=seed)
        return FittedPlanets.of(spectra, curves, [truth.depths for truth in truths])

    return [
        FittedPlanets.kept(folder / f"fitted-{name}.npz", partial(make, number))
        for number, name in enumerate(chunk_names(chunks, seed=seed))
    ]


def fit_chunk(
    number: int, *, seed: int, planets: int = CHUNK
) -> tuple[list[Spectrum], list[Curves], list[PlanetTruth]]:
    """Simulate and fit one chunk.

    Parameters
    ----------
    number : int
        Number of the chunk, which sets the share of planets with invented gases.
    seed : int
    planets : int
        How many.

    Returns
    -------
    spectra : list of Spectrum
    curves : list of tuple of LightCurves
        What they were fitted to.
    truths : list of PlanetTruth
    """
    root = (1 + seed) * 3 * SEEDS + 3 * number
    rng = np.random.default_rng(root)
    own = rng.choice(np.arange(*STARS), NEW_STARS, replace=False).tolist()
    half = planets // 2
    truths = draw_planets(planets - half, seed=root, stars=(0, 1))
    truths += draw_planets(half, seed=root + 1, stars=own)
    share = PSEUDO_SHARES[number % len(PSEUDO_SHARES)]
    truths = [_varied(truth, rng, pseudo=rng.random() < share) for truth in truths]
    curves = [_noisier(pair, rng) for pair in simulate_light_curves(truths, seed=root)]
    labels = draw_planets(LABELS, seed=root + 2, stars=(0, 1))
    prior = learn_prior(np.array([planet.depths for planet in labels]))
    visits = [
        Visit(truth.planet_id, truth.edition, *pair)
        for truth, pair in zip(truths, curves, strict=True)
    ]
    return fit_light_curves(visits, prior=prior).spectra, curves, truths


def _varied(truth: PlanetTruth, rng: np.random.Generator, *, pseudo: bool) -> PlanetTruth:
    """Make half the planets shallower or deeper, and the drift of half weaker or stronger."""
    depths = pseudo_spectra(truth.depths[None], rng=rng)[0] if pseudo else truth.depths
    if rng.random() < 0.5:
        level, features = np.exp(rng.uniform(-0.5, 0.3)), np.exp(0.3 * rng.standard_normal())
        depths = level * (depths.mean() + features * (depths - depths.mean()))
    drift = np.exp(0.3 * rng.standard_normal()) if rng.random() < 0.5 else 1.0
    return replace(
        truth,
        depths=np.maximum(depths, 1e-4),
        airs_drift=truth.airs_drift * drift,
        fgs1_drift=truth.fgs1_drift * drift,
    )


def _noisier(curves: Curves, rng: np.random.Generator) -> Curves:
    """Give a third of the planets up to a third more noise."""
    factor = np.exp(rng.uniform(0, 0.3)) if rng.random() < 1 / 3 else 1.0

    def add(curve: LightCurves) -> LightCurves:
        extra = np.sqrt(factor**2 - 1) * curve.noise * rng.standard_normal(curve.flux.shape)
        return replace(curve, flux=curve.flux + extra, noise=factor * curve.noise)

    return add(curves[0]), add(curves[1])
