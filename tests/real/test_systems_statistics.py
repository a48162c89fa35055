"""Simulated systems of 2025 beside the real table of stars; published statistics of the labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ariel_kit.simulation import draw_planets
from ariel_kit.simulation.systems import draw_catalogue, kepler_distance

pytestmark = pytest.mark.real
LEVELS = [5, 25, 50, 75, 95]


@pytest.fixture(scope="module")
def real(shared_data: Path) -> pl.DataFrame:
    return pl.read_csv(shared_data / "adc2025" / "train_star_info.csv")


def test_stars_and_orbits_have_the_real_ranges(real: pl.DataFrame) -> None:
    drawn = draw_catalogue(20000, np.random.default_rng(1))._asdict()
    within = {"Rs": 0.07, "Ms": 0.05, "Ts": 0.03, "Mp": 0.3, "P": 0.03, "sma": 0.06, "i": 0.002}
    for name, tolerance in within.items():
        theirs, ours = (np.percentile(table[name], LEVELS) for table in (real, drawn))
        print(f"{name:4s} real {theirs.round(2)} simulated {ours.round(2)}")
        assert ours == pytest.approx(theirs, rel=tolerance)
    assert (drawn["e"] == 0).all()
    assert (drawn["i"] == 90).mean() == pytest.approx((real["i"] == 90).mean(), abs=0.03)


def test_stars_and_orbits_belong_together_as_the_real_ones(real: pl.DataFrame) -> None:
    drawn = draw_catalogue(20000, np.random.default_rng(1))._asdict()
    names = ["Rs", "Ms", "Ts", "P", "sma"]
    theirs, ours = (
        np.corrcoef([np.log(np.asarray(table[name])) for name in names]) for table in (real, drawn)
    )
    print(f"correlations of {names}\n{theirs.round(2)}\n{ours.round(2)}")
    assert np.abs(ours - theirs).max() < 0.12
    scatter = []
    for table in (real, drawn):
        period, mass, radius = (np.asarray(table[name]) for name in ("P", "Ms", "Rs"))
        scatter.append(np.log(np.asarray(table["sma"]) / kepler_distance(period, mass, radius)))
    assert np.std(scatter[1]) == pytest.approx(np.std(scatter[0]), rel=0.1)


def test_impact_parameters_and_durations_are_the_real_ones(real: pl.DataFrame) -> None:
    drawn = draw_catalogue(20000, np.random.default_rng(1))._asdict()
    impacts, hours = [], []
    for table in (real, drawn):
        period, distance, tilt = (np.asarray(table[name]) for name in ("P", "sma", "i"))
        impact = distance * np.cos(np.radians(tilt))
        across = np.sqrt(np.maximum(0, 1 - impact**2)) / distance
        impacts.append(impact)
        hours.append(24 * period / np.pi * np.arcsin(across))
    assert np.percentile(impacts[1], LEVELS) == pytest.approx(
        np.percentile(impacts[0], LEVELS), abs=0.04
    )
    assert np.percentile(hours[1], LEVELS) == pytest.approx(
        np.percentile(hours[0], LEVELS), rel=0.05
    )
    steep = [(impact > 0.9).mean() for impact in impacts]
    assert steep[1] == pytest.approx(steep[0], abs=0.008)


def test_spectra_have_the_statistics_of_the_labels() -> None:
    """Facts of the 1100 training labels, which are not at hand: scatter, FGS1, components."""
    depths = np.array([planet.depths for planet in draw_planets(3000, seed=2, edition=2025)])
    scatter = depths.std(axis=1) * 1e6
    below = (depths[:, 0] < depths[:, 1:].mean(axis=1)).mean()
    shapes = depths - depths.mean(axis=1, keepdims=True)
    modes = np.linalg.svd(shapes, full_matrices=False)[2]
    left = [
        np.sqrt(np.mean((shapes - shapes @ modes[:k].T @ modes[:k]) ** 2)) * 1e6 for k in range(5)
    ]
    print(
        f"\nscatter, ppm (50, 95 %, largest): {np.percentile(scatter, [50, 95, 100]).round(0)} "
        f"(labels 54, 460, 8216); FGS1 below AIRS {below:.2f} (0.68); components 0-4 leave "
        f"{np.round(left)} (456, 324, 140, 86, 69)"
    )
    assert np.percentile(scatter, [50, 95]) == pytest.approx([54, 460], rel=0.35)
    assert below == pytest.approx(0.68, abs=0.06)
    assert left == pytest.approx([456, 324, 140, 86, 69], rel=0.5)
