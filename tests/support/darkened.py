"""Planets that only the limb of their stars tells from those of 2024."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ariel_kit.core.instruments import N_WAVELENGTHS
from ariel_kit.simulation import PlanetTruth, draw_planets
from ariel_kit.simulation.limb_darkening import quadratic_law


def darkened_planets(n: int, pair: tuple[float, float], *, seed: int) -> list[PlanetTruth]:
    """Planets of two stars in the 2025 edition, one quadratic law for all and all wavelengths."""
    law = np.tile(quadratic_law(*pair), (N_WAVELENGTHS, 1))
    return [
        replace(planet, edition=2025, limb_darkening=law) for planet in draw_planets(n, seed=seed)
    ]
