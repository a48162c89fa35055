"""Bins and wavelengths without data: left out by name, and nothing of them reaches an answer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ariel_kit.core.errors import FitError
from ariel_kit.core.observation import LightCurves
from ariel_kit.core.spectrum import Spectrum
from ariel_kit.light_curve.checks import MOST_LOST, find_fault, name_gaps
from ariel_kit.light_curve.residuals import find_residuals
from ariel_kit.models import create_model
from ariel_kit.simulation import draw_planets, simulate_observation
from ariel_kit.spectral_extraction import SpectrumPrior, fit_light_curves, fit_planets, learn_prior
from ariel_kit.spectral_extraction.features import describe
from ariel_kit.spectral_extraction.stage import draw_refinements
from tests.support.visits import as_visits

LOST = [40, 79, 80, 81, 200]
(PLANET,) = draw_planets(1, seed=3)
SEEN = simulate_observation(PLANET, seed=0)
CURVES = SEEN.binned()


def without(curves: LightCurves, lost: list[int], flux: float) -> LightCurves:
    """Light curves with wavelengths that hold no data, but some number."""
    values, noise = curves.flux.copy(), curves.noise.copy()
    values[:, lost], noise[:, lost] = flux, np.inf
    return replace(curves, flux=values, noise=noise)


def without_bin(curves: LightCurves, place: int) -> LightCurves:
    noise = curves.noise.copy()
    noise[place] = np.inf
    return replace(curves, noise=noise)


@pytest.fixture(scope="module")
def prior() -> SpectrumPrior:
    return learn_prior(np.array([planet.depths for planet in draw_planets(120, seed=40)]))


def fit(curves: LightCurves, prior: SpectrumPrior) -> Spectrum:
    visits = as_visits([PLANET.planet_id], [(curves, CURVES[1])])
    return fit_light_curves(visits, prior=prior).spectra[0]


@pytest.fixture(scope="module")
def whole(prior: SpectrumPrior) -> Spectrum:
    return fit(CURVES[0], prior)


@pytest.fixture(scope="module")
def lost(prior: SpectrumPrior) -> Spectrum:
    return fit(without(CURVES[0], LOST, 1.0), prior)


def test_a_wavelength_without_data_costs_no_other(whole: Spectrum, lost: Spectrum) -> None:
    assert lost.fit is not None
    moved = np.abs(lost.mean - whole.mean) / whole.sigma
    others = np.setdiff1d(np.arange(283), np.array(LOST) + 1)
    assert moved[others].max() < 0.5
    assert lost.sigma[others] == pytest.approx(whole.sigma[others], rel=0.1)
    assert (lost.sigma > whole.sigma)[np.array(LOST) + 1].all()
    assert np.abs((lost.mean - PLANET.depths) / lost.sigma)[np.array(LOST) + 1].max() < 4


def test_what_such_a_wavelength_holds_reaches_no_answer(
    lost: Spectrum, prior: SpectrumPrior
) -> None:
    other = fit(without(CURVES[0], LOST, 1e5), prior)
    assert np.abs(other.mean - lost.mean).max() < 1e-3 * lost.sigma.min()
    assert other.sigma == pytest.approx(lost.sigma, rel=1e-3)


def test_what_is_left_out_is_named(lost: Spectrum, prior: SpectrumPrior) -> None:
    assert lost.fit is not None
    assert "AIRS-CH0 is left out at wl_42, wl_81, wl_82 and 2 more" in lost.fit.flags
    assert lost.provenance["fit"]["flags"] == lost.fit.flags
    pair = (without_bin(CURVES[0], 10), without_bin(CURVES[1], 0))
    assert name_gaps(pair) == ["AIRS-CH0 is left out at 0.42 h", "FGS1 is left out at 0.02 h"]
    assert name_gaps(CURVES) == []


def test_a_failed_frame_and_a_high_bin_are_named_in_the_flags(prior: SpectrumPrior) -> None:
    """One zeroed sample of AIRS, one bin of FGS1 that is 1 % too high."""
    airs, fgs1 = SEEN.airs.copy(), SEEN.fgs1.copy()
    airs[60], fgs1[30] = 0.0, 1.01 * fgs1[30]
    whole, found = fit_planets([SEEN, replace(SEEN, airs=airs, fgs1=fgs1)], prior=prior)
    assert found.fit is not None
    assert "AIRS-CH0 failed in frame pair 60 (2.42 h)" in found.fit.flags
    assert "AIRS-CH0 is left out at 2.42 h" in found.fit.flags
    assert "FGS1 is left out at 1.22 h" in found.fit.flags
    assert np.abs((found.mean - whole.mean) / whole.sigma).max() < 0.5
    assert found.sigma == pytest.approx(whole.sigma, rel=0.1)


def test_a_tenth_of_the_wavelengths_may_be_lost() -> None:
    most = (without(CURVES[0], list(range(MOST_LOST)), 1.0), CURVES[1])
    assert find_fault(most) is None
    more = (without(CURVES[0], list(range(MOST_LOST + 1)), 1.0), CURVES[1])
    assert find_fault(more) == ("AIRS must have data at all but 28 wavelengths; 29 have none")
    none = (CURVES[0], without(CURVES[1], [0], 1.0))
    assert "FGS1 must cover" in str(find_fault(none))


def test_a_network_is_told_of_bins_with_data_alone(whole: Spectrum) -> None:
    holed = (without_bin(CURVES[0], 10), without_bin(CURVES[1], 10))
    told, full = describe(whole, holed), describe(whole, CURVES)
    assert np.isfinite(told).all()
    assert np.abs(told - full).max() < 1.0


def test_a_network_refines_no_spectrum_with_a_lost_wavelength(
    whole: Spectrum, lost: Spectrum
) -> None:
    holed = (without(CURVES[0], LOST, 1.0), CURVES[1])
    with pytest.raises(FitError, match="must have data at every wavelength to be refined"):
        describe(lost, holed)
    network = create_model("test_resnet1d")
    none, some = draw_refinements([lost, whole], [holed, CURVES], model=network)
    assert none is None
    assert some is not None


def test_the_residual_of_a_lost_wavelength_is_zero(lost: Spectrum) -> None:
    airs = SEEN.airs.copy()
    airs[:, LOST] = 0.0
    _, residual = find_residuals(replace(SEEN, airs=airs), lost)
    assert not residual[:, LOST].any()
    assert np.isfinite(residual).all()
