"""The only real raw frames at hand: 50 of AIRS and 50 of FGS1, 2025 layout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ariel_kit.core.config import CalibrationSettings
from ariel_kit.core.instruments import AIRS, FGS1, Instrument
from ariel_kit.data.dataset import Dataset, open_dataset
from ariel_kit.preprocessing import calibrate_planet
from ariel_kit.preprocessing.badpixels import INFILL_METHODS
from ariel_kit.preprocessing.detector import RawVisit
from tests.support import reference
from tests.support.calibration import (
    airs_settings,
    airs_step_by_step,
    frames_step_by_step,
    read_raw,
)

pytestmark = pytest.mark.real

PLANET = 342072318


@pytest.fixture(scope="module")
def dataset(shared_data: Path) -> Dataset:
    return open_dataset(shared_data / "adc2025")


def test_airs_equals_the_slow_twin(dataset: Dataset) -> None:
    for method, expected in reference.airs(read_raw(dataset, "train", PLANET, AIRS)).items():
        found = calibrate_planet(dataset, PLANET, settings=airs_settings(method))
        assert found.airs.shape == (25, 282)
        np.testing.assert_allclose(found.airs, expected["flux"], rtol=1e-5, err_msg=method)
        np.testing.assert_allclose(found.row_moments, expected["moments"], atol=1e-5)


@pytest.mark.parametrize("instrument", [AIRS, FGS1], ids=lambda each: each.name)
def test_frames_by_the_public_steps_equal_the_fused_pass(
    dataset: Dataset, instrument: Instrument
) -> None:
    frames = frames_step_by_step(dataset, PLANET, instrument)
    detector = RawVisit(dataset, "train", PLANET, 0).open(instrument)
    fused = detector.sample(~detector.bad, stretches=1, length=len(frames)).T
    np.testing.assert_allclose(frames[:, ~detector.bad], fused, atol=0.05)


@pytest.mark.parametrize("method", INFILL_METHODS)
def test_light_curves_by_the_public_steps_equal_the_fused_pass(
    dataset: Dataset, method: str
) -> None:
    found = calibrate_planet(dataset, PLANET, settings=airs_settings(method))
    np.testing.assert_allclose(airs_step_by_step(dataset, PLANET, method), found.airs, rtol=1e-5)


def test_fgs1_equals_the_slow_twin(dataset: Dataset) -> None:
    raw = read_raw(dataset, "train", PLANET, FGS1)
    flux, pointing = reference.fgs1_psf(raw)
    found = calibrate_planet(dataset, PLANET)
    np.testing.assert_allclose(found.fgs1, flux, rtol=1e-5)
    np.testing.assert_allclose(found.pointing, pointing, atol=2e-5)
    settings = CalibrationSettings(fgs1_extraction="brightest")
    core = calibrate_planet(dataset, PLANET, settings=settings)
    np.testing.assert_allclose(core.fgs1, reference.fgs1_core(raw), rtol=1e-5)


def test_light_curves_look_like_those_of_a_telescope(dataset: Dataset) -> None:
    found = calibrate_planet(dataset, PLANET)
    assert found.edition == 2025
    assert found.star is None
    np.testing.assert_allclose(found.airs_time[:2] * 3600, [2.35, 7.15])
    photon_noise = np.sqrt(found.airs.mean(axis=0) + 2 * 16 * 13.0**2)
    assert np.median(found.airs_noise / photon_noise) == pytest.approx(1, abs=0.2)
    # facts section 6: jitter of 0.1 px per FGS1 frame, 0.010-0.013 px per AIRS frame
    assert np.all((found.pointing.std(axis=0) > 0.05) & (found.pointing.std(axis=0) < 0.2))
    assert 0.005 < found.row_moments[:, 0].std() < 0.02
    # 16 rows of the foreground that is taken off are less than half a per cent of the light
    level = found.provenance["calibration"]["airs"]["foreground"]
    assert 0 < 16 * level < 0.005 * np.median(found.airs)
