"""Fits outside the validated range are flagged, and their sigma covers their error."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ariel_kit.simulation import draw_planets, draw_spectra, simulate_observation
from ariel_kit.spectral_extraction import fit_planets, learn_prior

PRIOR = learn_prior(draw_spectra(100, rng=np.random.default_rng(0)))
PLANETS = draw_planets(2, seed=77, stars=(4, 5))
CUT, LONG, DEEP, NONE = (
    "the transit is cut by the end of the visit",
    "the transit is longer than any that was tried",
    "the transit is deeper than any that was tried",
    "no transit is seen in white light",
)


def moved(**path):
    return [replace(planet, path=planet.path._replace(**path)) for planet in PLANETS]


def scaled(depth):
    return [replace(p, depths=p.depths * depth / p.depths.mean()) for p in PLANETS]


def fit(planets):
    return fit_planets([simulate_observation(p, seed=3) for p in planets], prior=PRIOR)


CASES = {
    "as in the challenge": (PLANETS, ()),
    "at the start": (moved(mid_time=0.0), (CUT,)),
    "in the first hour": (moved(mid_time=0.6), (CUT,)),
    "at the end": (moved(mid_time=7.4), (CUT,)),
    "early but whole": (moved(mid_time=2.6), ()),
    "over most of the visit": (moved(half_duration=2.5), (LONG,)),
    "over all of the visit": (moved(half_duration=3.6), (CUT, LONG)),
    "as deep as a giant's": (scaled(0.05), ()),
    "deeper than any planet's": (scaled(0.2), (DEEP,)),
    "none at all": (scaled(1e-9), (NONE,)),
}


@pytest.mark.parametrize("name", CASES)
def test_it_is_named_and_sigma_holds_the_error(name):
    planets, flags = CASES[name]
    for planet, spectrum in zip(planets, fit(planets), strict=True):
        if spectrum.fit is None:  # the light is not explained, and the population's spectrum given
            continue
        unexplained = "white light is not explained" in spectrum.fit.flags
        assert unexplained or set(flags) <= set(spectrum.fit.flags)
        assert not set(spectrum.fit.flags) & ({CUT, LONG, DEEP, NONE} - set(flags))
        z = (spectrum.mean - planet.depths) / spectrum.sigma
        assert np.sqrt(np.mean(z**2)) < 2.5


def test_sigma_is_wider_by_the_share_of_the_depth_and_no_other_planet_changes():
    alone, beside = fit(PLANETS[:1]), fit([*PLANETS[:1], *moved(mid_time=0.0)[1:]])
    assert beside[1].sigma.min() > 0.35 * beside[1].mean.mean()
    assert beside[0].sigma.max() < 2 * alone[0].sigma.max()


def test_long_transits_of_an_edition_with_a_catalogue_are_tried_ones():
    """The longest transits of 2025 leave an hour and less on both sides."""
    drawn = draw_planets(60, seed=611, edition=2025)
    longest = sorted(drawn, key=lambda planet: planet.path.half_duration)[-3:]
    assert min(planet.path.half_duration for planet in longest) > 2.2
    for planet, spectrum in zip(longest, fit(longest), strict=True):
        assert spectrum.fit is not None
        assert not set(spectrum.fit.flags) & {CUT, LONG, DEEP, NONE}
        assert np.abs(spectrum.mean / planet.depths - 1).max() < 0.05
        assert spectrum.sigma.max() < 0.05 * planet.depths.mean()
