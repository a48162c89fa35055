"""The fit of 2025 on stars that all differ, with laws of limb darkening that it does not assume.

pytest -m benchmark -s tests/benchmarks/test_edition_2025.py

Light curves come from the simulator: four-coefficient laws by wavelength and temperature with
scatter from star to star, true orbits off the catalogue's, the mission's drift, one planet in ten
with two visits, some transits cut at one end, some grazing.
"""

from __future__ import annotations

import time

import pytest

from ariel_kit.core.observation import Visit
from ariel_kit.core.spectrum import Spectrum
from ariel_kit.simulation import draw_planets, simulate_light_curves
from ariel_kit.simulation.scene import PlanetTruth
from ariel_kit.spectral_extraction import fit_light_curves
from tests.support.edition_2025 import Results, prior_of_others
from tests.support.results import write_results

PLANETS = 200


def fit_planets(planets: list[PlanetTruth]) -> tuple[list[Spectrum], float]:
    """One spectrum for each visit, and the seconds that a visit took."""
    visits = [planet.at_visit(i) for planet in planets for i in range(planet.n_visits)]
    curves = simulate_light_curves(visits, seed=9180)
    seen = [
        Visit(planet.planet_id, 2025, *pair, planet.star_info)
        for planet, pair in zip(visits, curves, strict=True)
    ]
    prior = prior_of_others(seed=9181)
    began = time.process_time()
    spectra = fit_light_curves(seen, prior=prior).spectra
    return spectra, (time.process_time() - began) / len(seen)


@pytest.mark.benchmark
def test_stars_that_all_differ() -> None:
    planets = draw_planets(PLANETS, seed=9180, edition=2025)
    spectra, seconds = fit_planets(planets)
    results = Results.of(planets, spectra)
    good = ~results.flagged
    bias, rms = results.fgs1(good)
    print(f"\n{seconds:.2f} s a visit on one core\n\n{results.table()}")
    write_results(
        "edition_2025",
        f"{results.total:.3f}, and {results.scores()[good].mean():.3f} over the {good.sum()} that "
        f"are not flagged, with FGS1 off by {bias:+.0f} ppm on average and {rms:.0f} ppm rms",
    )
    write_results("edition_2025_parts", results.table())
    assert results.scores().mean() > 0.67
    assert results.scores()[good].min() > 0
    assert abs(bias) < 30
    assert rms < 80
