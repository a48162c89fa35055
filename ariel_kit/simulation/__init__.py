"""Simulation of data with known truth: spectra, light curves, and raw frames on disk."""

from __future__ import annotations

from ariel_kit.simulation.generate import (
    simulate_dataset,
    simulate_observations,
    simulate_planet,
    write_tables,
)
from ariel_kit.simulation.lightcurves import simulate_light_curves, simulate_observation
from ariel_kit.simulation.population import draw_planets
from ariel_kit.simulation.scene import PlanetTruth
from ariel_kit.simulation.spectra import draw_spectra

__all__ = [
    "PlanetTruth",
    "draw_planets",
    "draw_spectra",
    "simulate_dataset",
    "simulate_light_curves",
    "simulate_observation",
    "simulate_observations",
    "simulate_planet",
    "write_tables",
]
