"""Errors, covariances and provenance of the uncertainty stage."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ariel_kit.core.errors import ShapeError, WeightsError
from ariel_kit.core.instruments import wavelengths
from ariel_kit.core.spectrum import Draws, FitFacts, Spectrum
from ariel_kit.models import create_model
from ariel_kit.training.temperature import line_temperature
from ariel_kit.uncertainty import (
    Temperature,
    blend,
    combine_draws,
    find_temperature,
    fit_temperature,
    honest_sigma,
    smooth,
)

WARM = Temperature(1.2, 5e-6, (30.0, 60.0), (0.5,), ((1.0, 1.1), (1.2, 1.3), (1.4, 1.5)), 99)


@pytest.fixture
def spectrum() -> Spectrum:
    flat = np.full(283, 1e-3)
    return Spectrum(
        7, wavelengths(), flat, flat / 50, 4e-10 * np.eye(283), provenance={"fit": {"a": 1}}
    )


def test_a_temperature_comes_back_from_its_file(tmp_path: Path) -> None:
    WARM.save(tmp_path / "fit.json")
    assert Temperature.load(tmp_path / "fit.json") == WARM


@pytest.mark.parametrize("text", ["", "{}", '{"factor": 1}', "[1]"])
def test_damaged_temperatures_are_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "fit.json").write_text(text)
    with pytest.raises(WeightsError, match="no readable temperature"):
        Temperature.load(tmp_path / "fit.json")
    with pytest.raises(WeightsError, match=r"none\.json is no readable temperature"):
        Temperature.load(tmp_path / "none.json")


def test_a_temperature_is_recorded_and_keeps_the_rest(spectrum: Spectrum) -> None:
    warm = WARM.apply(spectrum)  # signal-to-noise 50: the second row; flat: the first column
    assert warm.sigma == pytest.approx(np.hypot(1.2 * spectrum.sigma, 5e-6))
    assert warm.mean is not None
    np.testing.assert_array_equal(warm.covariance, spectrum.covariance)
    assert warm.provenance["fit"] == {"a": 1}
    assert warm.provenance["uncertainty"] == {"status": "complete", "factor": 1.2, "floor": 5e-6}


def test_a_temperature_of_one_changes_nothing(spectrum: Spectrum) -> None:
    np.testing.assert_array_equal(Temperature().apply(spectrum).sigma, spectrum.sigma)


def test_temperatures_need_truth(spectrum: Spectrum) -> None:
    with pytest.raises(ShapeError, match="at least one spectrum, and true depths for each"):
        fit_temperature([spectrum], np.zeros((2, 283)))
    with pytest.raises(ShapeError, match="got 0 spectra"):
        fit_temperature([], np.zeros((0, 283)))


def test_draws_must_be_of_283_depths(spectrum: Spectrum) -> None:
    for means, variances in [((0, 283), (0, 283)), ((3, 282), (3, 282)), ((3, 283), (2, 283))]:
        with pytest.raises(ShapeError, match="draws must have shape"):
            combine_draws(spectrum, np.zeros(means), np.ones(variances))


def test_draws_that_agree_with_the_fit_change_nothing(spectrum: Spectrum) -> None:
    means, variances = np.tile(spectrum.mean, (5, 1)), np.tile(spectrum.sigma**2, (5, 1))
    same = combine_draws(spectrum, means, variances)
    assert same.mean == pytest.approx(spectrum.mean, rel=1e-14)
    assert same.sigma == pytest.approx(spectrum.sigma, rel=1e-12)
    assert same.covariance == pytest.approx(spectrum.covariance, abs=1e-24)
    assert same.provenance["refine"]["epistemic_share"] == pytest.approx(0, abs=1e-12)


def test_only_one_planet_is_blended(spectrum: Spectrum) -> None:
    other = Spectrum(8, wavelengths(), spectrum.mean, spectrum.sigma)
    with pytest.raises(ShapeError, match="planets 7 and 8"):
        blend(spectrum, other)


def test_a_blend_follows_the_surer_one(spectrum: Spectrum) -> None:
    sure = Spectrum(7, wavelengths(), 1.1 * spectrum.mean, spectrum.sigma / 1000)
    assert blend(spectrum, sure).mean == pytest.approx(sure.mean, rel=1e-6)
    assert blend(spectrum, sure).provenance["blend"]["weight"] == pytest.approx(1, abs=1e-5)
    assert blend(spectrum, sure).covariance is None


def test_smoothing_leaves_a_flat_spectrum_flat(spectrum: Spectrum) -> None:
    out = smooth(spectrum, length=10.0, amplitude=2e-5)
    assert out.mean == pytest.approx(spectrum.mean, rel=1e-9)
    assert (out.sigma[1:] < spectrum.sigma[1:]).all()
    assert out.provenance["smoothness"]["length"] == 10.0


def one_sigma_off(spectrum: Spectrum) -> Draws:
    """Draws that move a spectrum by one sigma."""
    moved = np.tile(spectrum.mean + spectrum.sigma, (3, 1))
    return Draws(moved, np.tile(spectrum.sigma**2, (3, 1)))


def test_the_stage_blends_where_there_are_draws_and_warms_every_fit(spectrum: Spectrum) -> None:
    facts = FitFacts(3.75, 1.3, 1.2, 0.4, (0.0,) * 4, (0.0,) * 4, 0.004, 2e-5, 1.0)
    lost = spectrum
    fitted = replace(spectrum, fit=facts, covariance=np.diag(spectrum.sigma**2))
    warm = Temperature(factor=2.0, factors=((2.0,),))
    alone, refined, left = honest_sigma(
        [fitted, fitted, lost], [None, one_sigma_off(fitted), None], temperature=warm
    )
    assert alone.mean == pytest.approx(fitted.mean)
    assert alone.sigma == pytest.approx(2 * fitted.sigma)
    assert refined.mean == pytest.approx(fitted.mean + fitted.sigma / 2)
    # Two equal halves a sigma apart: variance 1 + 1/4.
    assert refined.sigma == pytest.approx(2 * np.sqrt(1.25) * fitted.sigma)
    assert {"refine", "blend", "uncertainty"} <= refined.provenance.keys()
    np.testing.assert_array_equal(left.sigma, lost.sigma)
    assert left.provenance["uncertainty"]["status"] == "skipped"
    with pytest.raises(ShapeError, match="got 1 and 2"):
        honest_sigma([fitted, fitted], [None], temperature=warm)


def test_own_temperatures_are_found_before_those_of_the_package(tmp_path: Path) -> None:
    own = tmp_path / "temperature" / "refined.json"
    own.parent.mkdir()
    shipped = find_temperature(refined=True, models_dir=tmp_path)
    assert shipped == find_temperature(refined=True)
    WARM.save(own)
    assert find_temperature(refined=True, models_dir=tmp_path) == own
    assert find_temperature(refined=False, models_dir=tmp_path) == shipped.with_name("fit.json")


@pytest.mark.parametrize("refined", [False, True])
def test_shipped_temperatures_are_those_of_many_planets(refined: bool) -> None:
    shipped = Temperature.load(find_temperature(refined=refined))
    assert shipped.planets > 300
    factors = np.array(shipped.factors)
    assert factors.shape == (3, 3)
    assert ((factors > 0.7) & (factors < 1.5)).all()
    assert 0 <= shipped.floor < 3e-5


@pytest.mark.slow
@pytest.mark.parametrize("refined", [False, pytest.param(True, marks=pytest.mark.numbers)])
def test_shipped_temperatures_come_out_again(refined: bool) -> None:
    shipped = Temperature.load(find_temperature(refined=refined))
    again = line_temperature(create_model("resnet1d", weights="default") if refined else None)
    assert again.factor == pytest.approx(shipped.factor, rel=1e-6)
    np.testing.assert_allclose(again.factors, shipped.factors, rtol=1e-6)
