"""Simulated spectra against the real labels: scatter, smoothness, shapes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ariel_kit.data.dataset import read_labels
from ariel_kit.simulation.spectra import draw_spectra
from tests.support.spectra_statistics import captured, ladder, summary

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def real(shared_data: Path) -> np.ndarray:
    return read_labels(shared_data / "adc2024" / "train_labels.csv").depths


@pytest.fixture(scope="module")
def simulated() -> np.ndarray:
    rng = np.random.default_rng(11)
    return np.concatenate([draw_spectra(2000, rng=rng, star=star) for star in (0, 1)])


def test_scatter_and_smoothness_match(real: np.ndarray, simulated: np.ndarray) -> None:
    want, got = summary(real), summary(simulated)
    np.testing.assert_allclose(np.log(got.scatter / want.scatter), 0, atol=np.log(1.35))
    assert got.smoothness == pytest.approx(want.smoothness, rel=0.3)


def test_fgs1_lies_near_the_minimum(real: np.ndarray, simulated: np.ndarray) -> None:
    want, got = summary(real), summary(simulated)
    np.testing.assert_allclose(got.fgs1_offset[:3], want.fgs1_offset[:3], rtol=0.35)
    assert got.fgs1_below == pytest.approx(want.fgs1_below, abs=0.06)
    assert np.median(got.fgs1_position) == pytest.approx(np.median(want.fgs1_position), abs=0.05)


def test_the_ladder_of_components_matches(real: np.ndarray, simulated: np.ndarray) -> None:
    ratio = ladder(simulated, 8) / ladder(real, 8)
    assert (ratio > 0.75).all()
    assert (ratio < 1.5).all()


def test_shapes_learned_from_simulations_hold_for_real_planets(
    real: np.ndarray, simulated: np.ndarray
) -> None:
    for rank, least in ((3, 0.915), (5, 0.94), (8, 0.945)):
        assert captured(real, simulated, rank) > least
        assert captured(simulated, real, rank) > least - 0.02
