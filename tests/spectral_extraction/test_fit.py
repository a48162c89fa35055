"""Fits of light curves: better than a flat spectrum, in any order, robust to bad planets."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from ariel_kit.core.config import ExtractionSettings
from ariel_kit.core.instruments import N_WAVELENGTHS
from ariel_kit.core.observation import LightCurves
from ariel_kit.core.spectrum import Spectrum
from ariel_kit.scoring import log_likelihood_score
from ariel_kit.simulation import PlanetTruth, draw_planets, simulate_light_curves
from ariel_kit.spectral_extraction import SpectrumPrior, learn_prior
from ariel_kit.spectral_extraction.fit import fit_light_curves
from tests.support.darkened import darkened_planets
from tests.support.visits import as_visits

pytestmark = pytest.mark.usefixtures("calibrations")

Pair = tuple[LightCurves, LightCurves]


@pytest.fixture(scope="module")
def planets() -> list[PlanetTruth]:
    return draw_planets(7, seed=41)


@pytest.fixture(scope="module")
def curves(planets: list[PlanetTruth]) -> list[Pair]:
    return simulate_light_curves(planets, seed=6)


@pytest.fixture(scope="module")
def prior() -> SpectrumPrior:
    return learn_prior(np.array([planet.depths for planet in draw_planets(120, seed=40)]))


@pytest.fixture(scope="module")
def spectra(planets: list[PlanetTruth], curves: list[Pair], prior: SpectrumPrior) -> list[Spectrum]:
    return fit(planets, curves, prior)


def fit(
    planets: Sequence[PlanetTruth], curves: Sequence[Pair], prior: SpectrumPrior, **settings: str
) -> list[Spectrum]:
    ids = [planet.planet_id for planet in planets]
    visits = as_visits(ids, curves)
    return fit_light_curves(visits, prior=prior, settings=ExtractionSettings(**settings)).spectra


def rate(planets: Sequence[PlanetTruth], spectra: Sequence[Spectrum]) -> float:
    truth = np.array([planet.depths for planet in planets])
    mean, sigma = (np.array([getattr(s, name) for s in spectra]) for name in ("mean", "sigma"))
    return float(log_likelihood_score(truth, mean, sigma))


def largest_step(one: Sequence[Spectrum], other: Sequence[Spectrum]) -> float:
    """Errors of the depths in units of sigma."""
    return max(
        float(np.abs((a.mean - b.mean) / b.sigma).max()) for a, b in zip(one, other, strict=True)
    )


def test_joint_fit_beats_the_white_baseline(
    planets: list[PlanetTruth], curves: list[Pair], prior: SpectrumPrior, spectra: list[Spectrum]
) -> None:
    white = fit(planets, curves, prior, extractor="white")
    assert rate(planets, spectra) > rate(planets, white) + 0.1
    assert rate(planets, spectra) > 0.65
    for planet, spectrum in zip(planets, white, strict=True):
        assert np.ptp(spectrum.mean) == 0
        assert np.ptp(spectrum.sigma) == 0
        assert abs(spectrum.mean[0] - planet.depths[1:].mean()) < 3 * spectrum.sigma[0]


def test_spectra_are_whole_and_say_where_they_come_from(
    planets: list[PlanetTruth], spectra: list[Spectrum]
) -> None:
    errors = []
    for planet, spectrum in zip(planets, spectra, strict=True):
        assert spectrum.planet_id == planet.planet_id
        assert spectrum.mean.shape == spectrum.sigma.shape == (N_WAVELENGTHS,)
        assert spectrum.covariance is not None
        assert np.all(spectrum.sigma**2 >= np.diag(spectrum.covariance) * 0.999)
        facts = spectrum.provenance["fit"]
        assert facts["status"] == "complete"
        assert facts["prior"] == "labels, predicted planets"
        assert facts["white_residual"] == pytest.approx(1, abs=0.25)
        assert facts["mid_time"] == pytest.approx(float(planet.shape.mid_time), abs=0.01)
        errors.append((spectrum.mean - planet.depths) / spectrum.sigma)
    assert 0.5 < np.std(errors) < 1.5


def test_two_runs_give_the_same_bits(
    planets: list[PlanetTruth], curves: list[Pair], prior: SpectrumPrior, spectra: list[Spectrum]
) -> None:
    for one, other in zip(spectra, fit(planets, curves, prior), strict=True):
        assert np.array_equal(one.mean, other.mean)
        assert np.array_equal(one.sigma, other.sigma)


def test_order_of_planets_does_not_matter(
    planets: list[PlanetTruth], curves: list[Pair], prior: SpectrumPrior, spectra: list[Spectrum]
) -> None:
    again = fit(planets[::-1], curves[::-1], prior)[::-1]
    assert [s.planet_id for s in again] == [s.planet_id for s in spectra]
    assert largest_step(again, spectra) < 1e-5
    for one, other in zip(again, spectra, strict=True):
        assert np.allclose(one.sigma, other.sigma, rtol=1e-6, atol=0)


def test_planets_may_come_on_different_grids(
    planets: list[PlanetTruth], curves: list[Pair], prior: SpectrumPrior, spectra: list[Spectrum]
) -> None:
    coarse = simulate_light_curves(planets, seed=6, bin_seconds=288.0)
    mixed = [coarse[i] if i % 2 else curves[i] for i in range(len(curves))]
    found = fit(planets, mixed, prior)
    assert [s.planet_id for s in found] == [p.planet_id for p in planets]
    assert rate(planets, found) > rate(planets, spectra) - 0.05
    # the planets that kept their grid see the others only through what was learned from them
    assert largest_step(found[::2], spectra[::2]) < 0.5


def test_where_the_shapes_are_learned_makes_a_difference(
    planets: list[PlanetTruth], curves: list[Pair], prior: SpectrumPrior, spectra: list[Spectrum]
) -> None:
    labels = fit(planets, curves, prior, low_rank="labels")
    em = fit(planets, curves, prior, low_rank="em")
    assert {s.provenance["fit"]["prior"] for s in labels} == {"labels"}
    assert {s.provenance["fit"]["prior"] for s in em} == {"predicted planets"}
    assert largest_step(labels, em) > 0.05
    assert largest_step(labels, spectra) > 0.05
    assert largest_step(em, spectra) > 0.05
    white = rate(planets, fit(planets, curves, prior, extractor="white"))
    for each in (labels, em):
        assert rate(planets, each) > white


def with_flux(curves: LightCurves, change: np.ndarray | float) -> LightCurves:
    flux = curves.flux.copy()
    flux[5] = change
    return replace(curves, flux=flux)


def shuffled(curves: LightCurves) -> LightCurves:
    """Give every bin a random level far above the noise, so that no transit can be found."""
    wild = 1 + 0.02 * np.random.default_rng(0).standard_normal(len(curves.time))
    return replace(curves, flux=curves.flux * wild[:, None])


def cut(curves: LightCurves, n_bins: int) -> LightCurves:
    """Keep the first bins only, as in a file that ends too early."""
    names = ("time", "span", "flux", "noise")
    return replace(curves, **{name: getattr(curves, name)[:n_bins] for name in names})


BAD = {
    "NaN flux": (lambda a, f: (with_flux(a, np.nan), f), "AIRS flux must be positive and finite"),
    "negative flux": (lambda a, f: (with_flux(a, -3), f), "AIRS flux must be positive and finite"),
    "no FGS1": (lambda a, f: (a, with_flux(f, 0)), "FGS1 flux must be positive and finite"),
    "no noise": (
        lambda a, f: (replace(a, noise=0 * a.noise), f),
        "AIRS noise must be positive, or infinite where there are no data",
    ),
    "no transit in the mess": (lambda a, f: (shuffled(a), f), "times the noise"),
    "upside down": (
        lambda a, f: (replace(a, flux=a.flux.mean(axis=0) ** 2 / a.flux), f),
        "times the noise",
    ),
    "missing wavelengths": (
        lambda a, f: (replace(a, flux=a.flux[:, :5], noise=a.noise[:, :5]), f),
        "AIRS must have 282 wavelengths; got 5",
    ),
    "AIRS cut before the transit": (
        lambda a, f: (cut(a, 50), f),
        "AIRS must cover 3.75 h to show the transit; got 2.00 h",
    ),
    "FGS1 cut before the transit": (
        lambda a, f: (a, cut(f, 50)),
        "FGS1 must cover 3.75 h to show the transit; got 2.00 h",
    ),
}


def test_bad_planets_get_the_population_and_trouble_nobody_else(
    planets: list[PlanetTruth],
    curves: list[Pair],
    prior: SpectrumPrior,
    spectra: list[Spectrum],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """All kinds of bad planets are mixed with good ones."""
    deepest = int(np.argmax([planet.depths.mean() for planet in planets]))
    broken = [make(*curves[deepest]) for make, _ in BAD.values()]
    ids = [planet.planet_id for planet in planets]
    bad_ids = list(range(900, 900 + len(broken)))
    with caplog.at_level(logging.WARNING, logger="ariel_kit"):
        visits = as_visits(bad_ids[:3] + ids + bad_ids[3:], broken[:3] + curves + broken[3:])
        found = fit_light_curves(visits, prior=prior).spectra
    bad, good = found[:3] + found[3 + len(ids) :], found[3 : 3 + len(ids)]
    assert [s.planet_id for s in bad] == bad_ids
    for spectrum, (_, reason) in zip(bad, BAD.values(), strict=True):
        facts = spectrum.provenance["fit"]
        assert spectrum.fit is None
        assert facts["status"] == "fallback"
        assert reason in facts["reason"]
        assert np.array_equal(spectrum.mean, prior.mean_depth)
        assert np.array_equal(spectrum.sigma, prior.sigma_depth)
        assert f"planet {spectrum.planet_id} gets the population's spectrum" in caplog.text
    assert {s.provenance["fit"]["status"] for s in good} == {"complete"}
    assert largest_step(good, spectra) < 1e-3


def test_wavelengths_noisier_than_their_light_explains_are_counted(
    planets: list[PlanetTruth], curves: list[Pair], prior: SpectrumPrior, spectra: list[Spectrum]
) -> None:
    """The first 30 state half of their noise; their own sigma stays as if they stated all."""
    airs, fgs1 = curves[0]
    noise = airs.noise.copy()
    noise[:, :30] /= 2
    (found,) = fit(planets[:1], [(replace(airs, noise=noise), fgs1)], prior)
    assert found.fit is not None
    assert spectra[0].fit is not None
    assert (spectra[0].fit.noisy_wavelengths, found.fit.noisy_wavelengths) == (0, 30)
    assert found.sigma[1:31] == pytest.approx(spectra[0].sigma[1:31], rel=0.3)


def test_a_star_without_a_planet_has_no_depth(
    planets: list[PlanetTruth], curves: list[Pair], prior: SpectrumPrior
) -> None:
    still = [replace(c, flux=np.tile(c.flux.mean(axis=0), (len(c.time), 1))) for c in curves[0]]
    spectrum = fit(planets[:3], [(still[0], still[1]), *curves[1:3]], prior)[0]
    assert spectrum.provenance["fit"]["status"] == "complete"
    assert np.abs(spectrum.mean / spectrum.sigma).max() < 1
    assert spectrum.sigma.min() > 3e-6


def test_one_planet_alone_and_none_at_all(
    planets: list[PlanetTruth], curves: list[Pair], prior: SpectrumPrior, spectra: list[Spectrum]
) -> None:
    assert fit([], [], prior) == []
    alone = fit(planets[:1], curves[:1], prior)
    assert np.abs((alone[0].mean - planets[0].depths) / alone[0].sigma).max() < 5
    assert np.allclose(np.log(alone[0].sigma / spectra[0].sigma), 0, atol=1)


def test_only_bad_planets_still_end_in_spectra(curves: list[Pair], prior: SpectrumPrior) -> None:
    airs, fgs1 = curves[0]
    pair = (shuffled(airs), fgs1)
    for settings in (ExtractionSettings(), ExtractionSettings(extractor="white")):
        fit = fit_light_curves(as_visits([1], [pair]), prior=prior, settings=settings)
        assert fit.spectra[0].fit is None


def test_what_the_model_misses_widens_sigma(
    planets: list[PlanetTruth],
    curves: list[Pair],
    spectra: list[Spectrum],
    prior: SpectrumPrior,
) -> None:
    """A wave of one hour is neither drift nor transit; the planet must be flagged."""
    airs, fgs1 = curves[0]
    wave = 1 + 2e-4 * np.sin(2 * np.pi * airs.time)[:, None]
    shaken = [(replace(airs, flux=airs.flux * wave), fgs1), *curves[1:]]
    again = fit(planets, shaken, prior)
    assert again[0].fit is not None
    assert again[0].fit.white_residual > 1.3
    assert np.sqrt(np.mean(again[0].white_light[0].residual ** 2)) > 1.3
    assert np.median(again[0].sigma / spectra[0].sigma) > 1.2
    assert np.median(again[1].sigma / spectra[1].sigma) == pytest.approx(1, abs=0.1)


def test_limb_darkened_stars_need_limb_darkened_fits(prior: SpectrumPrior) -> None:
    """Stars of 2025 are limb-darkened; a fit with limb darkening leaves noise only.

    These stars are grey and know no catalogue: at AIRS far darker than the fit's first belief.
    """
    planets = darkened_planets(6, (0.3, 0.15), seed=43)
    curves = simulate_light_curves(planets, seed=7)
    ids = [planet.planet_id for planet in planets]
    told, untold = (
        fit_light_curves(as_visits(ids, curves, edition=edition), prior=prior).spectra
        for edition in (2025, 2024)
    )
    residuals = [np.array([s.fit.white_residual for s in spectra]) for spectra in (told, untold)]
    assert residuals[0] == pytest.approx(1, abs=0.2)
    assert (residuals[1] / residuals[0]).min() > 1.15
    truth = np.array([planet.depths for planet in planets])
    off = np.array([spectrum.mean for spectrum in told]).mean(axis=1) - truth.mean(axis=1)
    assert np.abs(off).max() < 150e-6
    level = np.sqrt([spectrum.covariance.mean() for spectrum in told])
    assert np.abs(off / level).max() < 4


def test_a_transit_that_shows_through_a_fault_gives_white_depth_with_a_wide_sigma(
    planets: list[PlanetTruth],
    curves: list[Pair],
    prior: SpectrumPrior,
    spectra: list[Spectrum],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """With a flare and a jump of half the depth the fit beats the population, and is flagged."""
    deepest = int(np.argmax([planet.depths.mean() for planet in planets]))
    airs, fgs1 = curves[deepest]
    since = np.clip(airs.time - 2.9, 0, None)
    flare = 1 + 5e-3 * (airs.time > 2.9) * np.exp(-since / 0.4)
    jump = 1 + 3e-3 * (airs.time > 4.2)
    broken = [(replace(airs, flux=airs.flux * bad[:, None]), fgs1) for bad in (flare, jump)]
    ids = [900, 901, *(planet.planet_id for planet in planets)]
    with caplog.at_level(logging.WARNING, logger="ariel_kit"):
        found = fit_light_curves(as_visits(ids, [*broken, *curves]), prior=prior).spectra
    truth = planets[deepest].depths
    for spectrum in found[:2]:
        assert spectrum.fit is not None
        assert "white depth alone" in spectrum.fit.flags
        assert f"planet {spectrum.planet_id} gets white depth alone" in caplog.text
        assert np.ptp(spectrum.mean) == np.ptp(spectrum.sigma) == 0
        assert np.abs((spectrum.mean - truth) / spectrum.sigma).max() < 3
        assert 1e-4 < spectrum.sigma[0] < 0.5 * prior.sigma_depth[0]
    assert largest_step(found[2:], spectra) < 1e-3
