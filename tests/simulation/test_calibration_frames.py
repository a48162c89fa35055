"""Drawn detectors, against the figures of the real calibration frames."""

from __future__ import annotations

import numpy as np
import pytest

from ariel_kit.core.instruments import AIRS, FGS1
from ariel_kit.simulation.calibration_frames import Detector, draw_detector


@pytest.fixture(scope="module")
def detectors() -> list[Detector]:
    return [draw_detector(np.random.default_rng(seed), AIRS) for seed in range(12)]


def test_dark_and_read_noise_have_the_real_quantiles(detectors: list[Detector]) -> None:
    dark = np.stack([d.calibration.dark for d in detectors])
    read = np.stack([d.calibration.read for d in detectors])
    assert np.median(dark) == pytest.approx(0.0068, rel=0.02)
    assert dark.max() < 12.1
    assert 0.0005 < np.mean(dark > 0.1) < 0.003
    medians = np.median(read, axis=(1, 2))
    assert medians.min() > 13.0
    assert medians.max() < 14.0
    assert np.percentile(read, 99) == pytest.approx(32, rel=0.1)
    assert 150 < read.max() <= 280


def test_flat_and_dead_pixels_have_the_real_figures(detectors: list[Detector]) -> None:
    for detector in detectors:
        dead = detector.calibration.dead
        flat = detector.calibration.flat[~dead]
        assert 0.0004 < dead.mean() < 0.0045
        assert flat.std() == pytest.approx(0.012, rel=0.05)
        assert abs(flat.mean() - 1) < 0.026
        assert np.all(detector.response[dead] == 0)
        assert np.array_equal(detector.response[~dead], flat)
    written = np.concatenate([d.calibration.flat[d.calibration.dead] for d in detectors])
    assert 0.3 < np.mean(np.abs(written) < 0.05) < 0.7


@pytest.mark.parametrize(
    ("instrument", "at"), [(AIRS, {1e4: 1.0013, 3e4: 1.0098, 7e4: 1.042}), (FGS1, {3e4: 1.0075})]
)
def test_linearity_bends_like_the_real_one(instrument: object, at: dict[float, float]) -> None:
    curve = draw_detector(np.random.default_rng(0), instrument).linear_corr  # type: ignore[arg-type]
    mean = np.median(curve.reshape(6, -1), axis=1)
    for electrons, ratio in at.items():
        true = np.polynomial.polynomial.polyval(electrons, mean)
        assert true / electrons == pytest.approx(ratio, abs=0.0015)


def test_every_linearity_curve_rises(detectors: list[Detector]) -> None:
    measured = np.linspace(-500, 9e4, 60)
    for detector in detectors:
        curves = np.polynomial.polynomial.polyval(measured, detector.linear_corr.reshape(6, -1))
        assert np.all(np.diff(curves, axis=1) > 0)


def test_file_tells_the_truth_except_about_dead_pixels(detectors: list[Detector]) -> None:
    for detector in detectors:
        calibration = detector.calibration
        good = ~calibration.dead
        written, real = calibration.linear_corr, detector.linear_corr
        assert np.array_equal(written[:, good], real[:, good])
        assert np.all(written[3][~good] != real[3][~good])


def test_planets_have_different_detectors(detectors: list[Detector]) -> None:
    assert len({d.calibration.flat.tobytes() for d in detectors}) == len(detectors)
