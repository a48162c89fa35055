"""How fast data sets are made: a raw planet in seconds, light curves by the thousand."""

from __future__ import annotations

import resource
import shutil
import time
from pathlib import Path

import pytest

from ariel_kit.core.instruments import INSTRUMENTS
from ariel_kit.simulation import draw_planets, simulate_light_curves, simulate_planet

SECONDS_PER_PLANET = 15.0
CORES = 2
MEGABYTES_PER_PLANET = 300.0
GIGABYTES = 3.0
PLANETS_PER_MINUTE = 1000.0

pytestmark = pytest.mark.benchmark


def test_full_size_planet_is_made_in_time(tmp_path: Path) -> None:
    planets = draw_planets(2, seed=0)
    shutil.rmtree(simulate_planet(tmp_path, "train", planets[0], n_pairs=5))  # compiles
    wall, cpu = time.perf_counter(), time.process_time()
    folder = simulate_planet(tmp_path, "train", planets[1])
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    size = sum(path.stat().st_size for path in folder.rglob("*.parquet")) / 1e6
    shutil.rmtree(folder)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    samples = sum(i.n_frames * i.n_pixels for i in INSTRUMENTS.values())
    print(
        f"\nfull-size planet: {wall:.1f} s, {cpu:.1f} s of processor time "
        f"({1e9 * cpu / samples:.0f} ns per sample), {size:.0f} MB, peak memory {peak:.2f} GB"
    )
    # Processor time does not depend on who else uses the machine.
    assert cpu < CORES * SECONDS_PER_PLANET
    assert size < MEGABYTES_PER_PLANET
    assert peak < GIGABYTES


def test_light_curves_are_drawn_by_the_thousand() -> None:
    planets = draw_planets(200, seed=0)
    simulate_light_curves(planets[:1], seed=0)
    start = time.process_time()
    simulate_light_curves(planets, seed=0)
    rate = 60 * len(planets) / (time.process_time() - start)
    print(f"\nlight curves: {rate:.0f} planets per minute")
    assert rate > PLANETS_PER_MINUTE
