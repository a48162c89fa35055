"""Light curves without frames: noise and drift of real ones, and agreement with frames."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from ariel_kit.core.instruments import AIRS, FGS1, OBSERVATION_HOURS
from ariel_kit.core.observation import LightCurves
from ariel_kit.simulation import (
    draw_planets,
    simulate_light_curves,
    simulate_observation,
    simulate_planet,
    write_tables,
)
from ariel_kit.simulation.pointing import FGS1_JITTER
from ariel_kit.simulation.scene import PlanetTruth, relative_light

Pair = tuple[LightCurves, LightCurves]


@pytest.fixture(scope="module")
def planets() -> list[PlanetTruth]:
    return draw_planets(14, seed=21)


@pytest.fixture(scope="module")
def curves(planets: list[PlanetTruth]) -> list[Pair]:
    return simulate_light_curves(planets, seed=5)


def steady(planet: PlanetTruth, curves: LightCurves) -> np.ndarray:
    """Flux with the true transit and drift divided out."""
    instrument = AIRS if curves.flux.shape[1] > 1 else FGS1
    light = relative_light(planet, instrument, curves.time, curves.span, OBSERVATION_HOURS)
    return curves.flux / light


@pytest.mark.parametrize(("star", "ppm"), [(0, 73), (1, 52)])
def test_white_light_has_the_real_noise(
    planets: list[PlanetTruth], curves: list[Pair], star: int, ppm: float
) -> None:
    """73 and 52 ppm per 144 s bin; the real curves sum all 32 rows, these 16 of them."""
    scatter = []
    for planet, (airs, _) in zip(planets, curves, strict=True):
        if planet.star == star:
            white = steady(planet, airs).sum(axis=1)[:187]
            scatter.append(white.std() / white.mean() * 1e6)
    assert np.median(scatter) == pytest.approx(ppm, rel=0.1)


def test_noise_is_white_in_time(planets: list[PlanetTruth], curves: list[Pair]) -> None:
    neighbours = []
    for planet, pair in zip(planets, curves, strict=True):
        for light in pair:
            white = steady(planet, light).sum(axis=1)[:187]
            neighbours.append(np.corrcoef(white[1:], white[:-1])[0, 1])
    assert np.mean(neighbours) == pytest.approx(0, abs=4 / np.sqrt(187 * len(neighbours)))


def test_stated_noise_is_the_scatter(planets: list[PlanetTruth], curves: list[Pair]) -> None:
    for instrument in (0, 1):
        ratios = []
        for planet, pair in zip(planets, curves, strict=True):
            flux = steady(planet, pair[instrument])[:187]
            ratios.append(flux.std(axis=0) / pair[instrument].noise[0])
        assert np.mean(np.concatenate(ratios)) == pytest.approx(1, abs=0.03)


def test_noise_per_wavelength_is_in_the_real_range(curves: list[Pair]) -> None:
    """0.96-1.43 times the square root of the signal, but for columns with a noisy pixel."""
    for airs, _ in curves:
        ratio = airs.noise[0] * np.sqrt(30) / np.sqrt(airs.flux.mean(axis=0))
        assert np.percentile(ratio, 2) > 0.99
        assert np.percentile(ratio, 90) < 1.5


def test_fgs1_has_the_scatter_of_weighted_pixels(curves: list[Pair]) -> None:
    """562 electrons per CDS frame in the one real planet whose jitter was modelled."""
    for _, fgs1 in curves:
        one_frame = fgs1.noise[0, 0] * np.sqrt(360)
        assert 1.0 < one_frame / np.sqrt(fgs1.flux.mean()) < 1.15


def test_bins_are_those_of_a_calibrated_observation(planets: list[PlanetTruth]) -> None:
    airs, fgs1 = simulate_light_curves(planets[:1], seed=0, bin_seconds=144)[0]
    assert airs.flux.shape == (188, 282)
    assert fgs1.flux.shape == (188, 1)
    assert airs.span[:2] * 3600 == pytest.approx([144, 144])
    assert airs.span[-1] * 3600 == pytest.approx(72)
    assert airs.noise[-1] / airs.noise[0] == pytest.approx(np.sqrt(2) * np.ones(282))
    native, _ = simulate_light_curves(planets[:1], seed=0, bin_seconds=4.8)[0]
    assert native.flux.shape == (5625, 282)


def test_seed_changes_the_noise_and_nothing_else(planets: list[PlanetTruth]) -> None:
    first, again, other = (simulate_light_curves(planets[:1], seed=s)[0][0] for s in (1, 1, 2))
    assert np.array_equal(first.flux, again.flux)
    assert np.array_equal(first.noise, other.noise)
    z = (first.flux - other.flux) / first.noise / np.sqrt(2)
    assert z.std() == pytest.approx(1, abs=0.02)


def test_planets_do_not_depend_on_their_neighbours(
    planets: list[PlanetTruth], curves: list[Pair]
) -> None:
    alone = simulate_light_curves(planets[3:4], seed=5)[0][0]
    assert np.array_equal(alone.flux, curves[3][0].flux)


@pytest.mark.numbers
@pytest.mark.slow
@pytest.mark.parametrize("star", [0, 1])
def test_fast_path_agrees_with_calibrated_frames(tmp_path: Path, star: int) -> None:
    """Same planet, drawn directly and through raw frames, parquet and calibration.

    The noise of calibrated AIRS frames is 4 to 7 % below that of the fast path.
    """
    from ariel_kit.data.dataset import open_dataset
    from ariel_kit.preprocessing import calibrate_planet

    planet = draw_planets(1, seed=77, stars=(star,))[0]
    write_tables(tmp_path, train=[planet], test=[])
    folder = simulate_planet(tmp_path, "train", planet)
    observation = calibrate_planet(open_dataset(tmp_path), planet.planet_id)
    shutil.rmtree(folder)
    raw, fast = observation.binned(), simulate_light_curves([planet], seed=0)[0]
    for slow, quick in zip(raw, fast, strict=True):
        flux, twin = steady(planet, slow), steady(planet, quick)
        level = flux.mean(axis=0) / twin.mean(axis=0)
        assert np.median(level) == pytest.approx(1, abs=0.002)
        assert np.percentile(np.abs(level - 1), 95) < 0.01
        assert np.median(flux.std(axis=0) / twin.std(axis=0)) == pytest.approx(0.97, abs=0.06)
        assert np.median(slow.noise[0] / quick.noise[0]) == pytest.approx(0.97, abs=0.06)
    z_raw, z_fast = (
        (steady(planet, light) / steady(planet, light).mean(axis=0) - 1) * light.flux / light.noise
        for light in (raw[0], fast[0])
    )
    assert white_of(z_raw) == pytest.approx(white_of(z_fast), rel=0.2)
    for z in (z_raw, z_fast):
        in_time = np.mean(z[1:] * z[:-1])
        assert in_time == pytest.approx(0, abs=5 / np.sqrt(z.size))
    between = [np.corrcoef(z[:187], rowvar=False) - np.eye(282) for z in (z_raw, z_fast)]
    # Jitter along the dispersion is what correlates wavelengths: at both band edges, oppositely.
    edges = [matrix[-8:, -8:].sum() / 56 for matrix in between]
    assert edges[0] == pytest.approx(edges[1], abs=0.04)
    assert between[0].mean() == pytest.approx(between[1].mean(), abs=0.001)


def white_of(z: np.ndarray) -> float:
    """Scatter of the mean over wavelengths, 1 if they are independent."""
    return float(z.mean(axis=1).std() * np.sqrt(z.shape[1]))


def test_a_simulated_observation_holds_the_light_curves_and_their_pointing():
    (planet,) = draw_planets(1, seed=3)
    observation = simulate_observation(planet, seed=5)
    ((airs, fgs1),) = simulate_light_curves([planet], seed=5)
    whole = AIRS.n_pairs // 30
    np.testing.assert_array_equal(observation.airs, airs.flux[:whole].astype(np.float32))
    np.testing.assert_array_equal(observation.fgs1_time, fgs1.time[:whole])
    moved = FGS1_JITTER / np.sqrt(30 * 12)
    np.testing.assert_allclose(observation.pointing.std(axis=0), moved, rtol=0.2)
    assert observation.provenance == {"simulation": {"seed": 5, "bin_seconds": 144.0}}


def test_a_simulated_observation_of_2025_knows_the_table_of_its_star():
    (planet,) = draw_planets(1, seed=3, edition=2025)
    assert simulate_observation(planet, seed=5).star_info == planet.star_info
