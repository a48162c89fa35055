"""Only the visit whose light jumps has its limb darkening fixed, not those of other planets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ariel_kit.core.observation import Visit
from ariel_kit.simulation import draw_planets, simulate_light_curves
from ariel_kit.spectral_extraction import fit_light_curves, learn_prior

pytestmark = pytest.mark.usefixtures("calibrations")

BROKEN = 1
HELD = "limb darkening is held"


def test_a_jump_holds_the_law_of_its_planet_alone_and_its_sigma_owns_up_to_it() -> None:
    planets = [p for p in draw_planets(12, seed=47, edition=2025) if p.path.impact < 0.7][:4]
    visits = []
    for row, (planet, (airs, fgs1)) in enumerate(
        zip(planets, simulate_light_curves(planets, seed=4), strict=True)
    ):
        since = airs.time > planet.path.mid_time + 0.3
        jump = 1 + (row == BROKEN) * 0.2 * planet.depths[1:].mean() * since
        airs = replace(airs, flux=airs.flux * jump[:, None])
        visits.append(Visit(planet.planet_id, 2025, airs, fgs1, planet.star_info))
    others = [planet.depths for planet in draw_planets(120, seed=48, edition=2025)]
    spectra = fit_light_curves(visits, prior=learn_prior(np.array(others))).spectra
    flags = [spectrum.fit.flags for spectrum in spectra if spectrum.fit is not None]
    assert [HELD in own for own in flags] == [row == BROKEN for row in range(len(planets))]
    spectrum, truth = spectra[BROKEN], planets[BROKEN].depths
    assert spectrum.fit is not None
    assert spectrum.fit.white_residual > 1.3
    assert spectrum.covariance is not None
    level = np.sqrt(spectrum.covariance[1:, 1:].mean())
    assert abs((spectrum.mean - truth)[1:].mean()) < 3 * level
    assert abs((spectrum.mean - truth)[0]) < 3 * spectrum.sigma[0]
