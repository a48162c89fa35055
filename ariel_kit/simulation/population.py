"""Populations of simulated planets of both editions.

Planets of 2024 orbit its two stars, or further simulated stars like them; each planet of 2025 has a
star of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ariel_kit.core.editions import Year, get_edition
from ariel_kit.core.errors import ConfigError
from ariel_kit.core.instruments import N_WAVELENGTHS, OBSERVATION_HOURS
from ariel_kit.data.converter import Adc
from ariel_kit.simulation.atmospheres import Molecules
from ariel_kit.simulation.drift import Drift, DriftFamily
from ariel_kit.simulation.limb_darkening import draw_law
from ariel_kit.simulation.optics import Star, draw_star, get_star
from ariel_kit.simulation.scene import PlanetTruth, with_drift
from ariel_kit.simulation.spectra import SpectrumBatch, draw_batch, spectra_of
from ariel_kit.simulation.systems import (
    SECOND_VISITS,
    draw_catalogue,
    draw_depths,
    draw_mid_time,
    draw_orbit,
    draw_system_atmospheres,
)
from ariel_kit.simulation.transits import N_LAW, Path, StraightPath

AIRS_OFFSET, FGS1_OFFSET = (-855.0, 72.0), (-357.0, 22.0)
"""Mean and standard deviation of the offset of the converter (ADC), in electrons."""
GAIN_SCATTER = 0.005
"""Relative standard deviation of the gain of the converter."""
ADC_2025 = Adc(0.4369, -1000.0)
"""Converter of both instruments in the 2025 edition."""
HIT_RATE_2025 = 4.7e-6
"""Charged particles per pixel and second. Of 284 500 real samples of 4.5 s, six are high by more
than eight sigma and none is low."""
STREAM_PLANET = 8
"""Random stream of a planet's transit, star and converters."""
UNIFORM = np.zeros((N_WAVELENGTHS, N_LAW))
"""Law of limb darkening of a star of uniform brightness."""


def draw_planets(
    n: int,
    *,
    seed: int,
    stars: Sequence[int] = (0, 1),
    molecules: Molecules = "known",
    edition: Year = 2024,
    drift: DriftFamily = "mission",
) -> list[PlanetTruth]:
    """Draw planets with their spectra, transits, drifts and converters.

    Parameters
    ----------
    n : int
        Number of planets.
    seed : int
    stars : sequence of int
        Numbers of the host stars, over which the planets are distributed evenly. From 2 on they are
        stars that the 2024 training set does not contain. The 2025 edition ignores this parameter.
    molecules : {"known", "unseen", "all"} or sequence of str
        Gases that the planets may contain; see `draw_spectra`.
    edition : {2024, 2025}
        In 2025 each planet has its own star, orbit and law of limb darkening, one planet in ten has
        a second visit, and all share one converter.
    drift : {"mission", "legacy", "ramp", "step", "wave"}
        See `ariel_kit.simulation.drift.draw_drift`. It changes nothing else about the planets.

    Returns
    -------
    list of PlanetTruth

    Raises
    ------
    ConfigError
        If there are no stars, or `n` is negative.
    UnknownNameError
        If a molecule or a family of drifts is unknown.

    Examples
    --------
    >>> [planet.star for planet in draw_planets(4, seed=1, stars=(1, 5))].count(5)
    2
    """
    if n < 0 or not stars:
        raise ConfigError(f"planets need n >= 0 and at least one star; got n={n}, stars={stars}.")
    rng = np.random.default_rng([seed, n])
    if get_edition(edition).limb_darkening:
        planets = _draw_systems(n, rng, seed, molecules)
    else:
        planets = _draw_known_hosts(n, rng, seed, stars, molecules)
    return planets if drift == "mission" else [with_drift(planet, drift) for planet in planets]


def _draw_known_hosts(
    n: int, rng: np.random.Generator, seed: int, stars: Sequence[int], molecules: Molecules
) -> list[PlanetTruth]:
    """Draw planets of 2024, which orbit numbered stars without limb darkening."""
    numbers = rng.permutation(np.resize(np.asarray(stars), n))
    spectra = draw_batch(n, rng=rng, star=numbers, molecules=molecules)
    ids = _draw_ids(n, rng)
    planets = []
    for i, number in enumerate(numbers.tolist()):
        own = _planet_rng(seed, ids[i])
        star = get_star(number)
        converters = (
            _draw_adc(own, star.airs_gain, AIRS_OFFSET),
            _draw_adc(own, star.fgs1_gain, FGS1_OFFSET),
        )
        planets.append(
            _assemble(ids[i], seed, spectra, i, star, _draw_path(own), UNIFORM, converters)
        )
    return planets


def _draw_systems(
    n: int, rng: np.random.Generator, seed: int, molecules: Molecules
) -> list[PlanetTruth]:
    """Draw planets of 2025, each with its own star, orbit and law of limb darkening."""
    catalogue, depths = draw_catalogue(n, rng), draw_depths(n, rng)
    spectra = spectra_of(draw_system_atmospheres(catalogue, depths, rng, molecules))
    ids = _draw_ids(n, rng)
    planets = []
    for i in range(n):
        own, entry = _planet_rng(seed, ids[i]), catalogue.of(i)
        star = draw_star(own, i, entry.temperature)
        orbit = draw_orbit(own, entry, float(depths[i]))
        path = orbit._replace(mid_time=draw_mid_time(own))
        law = draw_law(own, star.temperature)
        planet = _assemble(ids[i], seed, spectra, i, star, path, law, (ADC_2025, ADC_2025))
        n_visits = 2 if own.random() < SECOND_VISITS else 1
        planets.append(
            replace(
                planet, edition=2025, star_info=entry, n_visits=n_visits, hit_rate=HIT_RATE_2025
            )
        )
    return planets


def _draw_ids(n: int, rng: np.random.Generator) -> list[int]:
    ids = rng.choice(2**32 - 10**7, n, replace=False, shuffle=False) + 10**7
    return [int(planet_id) for planet_id in ids]


def _planet_rng(seed: int, planet_id: int) -> np.random.Generator:
    return np.random.default_rng([seed, planet_id, STREAM_PLANET])


def _assemble(
    planet_id: int,
    seed: int,
    spectra: SpectrumBatch,
    row: int,
    host: Star,
    path: Path,
    law: np.ndarray,
    converters: tuple[Adc, Adc],
) -> PlanetTruth:
    no_drift = Drift(())
    planet = PlanetTruth(
        planet_id=planet_id,
        star=host.number,
        edition=2024,
        seed=seed,
        depths=spectra.depths[row],
        molecules=spectra.molecules[row],
        host=host,
        path=path,
        limb_darkening=law,
        airs_drift=no_drift,
        fgs1_drift=no_drift,
        airs_adc=converters[0],
        fgs1_adc=converters[1],
    )
    return with_drift(planet, "mission")


def _draw_adc(rng: np.random.Generator, gain: float, offset: tuple[float, float]) -> Adc:
    return Adc(gain * float(1 + GAIN_SCATTER * rng.standard_normal()), float(rng.normal(*offset)))


def _draw_path(rng: np.random.Generator) -> StraightPath:
    """Draw the path of a 2024 transit: not grazing, near the middle of the visit."""
    mid_time = np.clip(rng.normal(OBSERVATION_HOURS / 2, 0.02), 3.68, 3.78)
    half_duration = np.clip(rng.normal(1.32, 0.06), 1.0, 1.6)
    impact = rng.uniform(0.2, 0.6)
    return StraightPath(float(mid_time), float(half_duration), float(1 / (1 - impact**2)))
