"""Pointing jitter: sizes, and one process for both instruments."""

from __future__ import annotations

import numpy as np
import pytest

from ariel_kit.simulation.pointing import AIRS_SCALE, Pointing, draw_pointing


@pytest.fixture(scope="module")
def pointing() -> Pointing:
    return draw_pointing(np.random.default_rng(3), 4000)


def test_jitter_has_the_real_sizes(pointing: Pointing) -> None:
    assert pointing.fgs1_odd[:, :2].std(axis=0) == pytest.approx([0.1, 0.1], rel=0.02)
    sigma = pointing.airs_odd[:, :2].std(axis=0)
    assert np.all((sigma > 0.010) & (sigma < 0.013))


def test_jitter_is_white(pointing: Pointing) -> None:
    for shifts in (pointing.fgs1_odd[:, 0], pointing.airs_odd[:, 1]):
        neighbours = np.corrcoef(shifts[1:], shifts[:-1])[0, 1]
        assert abs(neighbours) < 4 / np.sqrt(len(shifts))


def test_airs_and_fgs1_share_the_motion_that_both_saw(pointing: Pointing) -> None:
    """12 of the 45 steps of an AIRS exposure are FGS1 exposures: correlation sqrt(12 / 45)."""
    seen = pointing.fgs1_odd.reshape(4000, 12, 5).mean(axis=1)
    for axis in (0, 1):
        correlation = np.corrcoef(seen[:, axis], pointing.airs_odd[:, axis])[0, 1]
        assert correlation == pytest.approx(np.sqrt(12 / 45), abs=0.04)
    covariance = np.cov(seen[:, 0], pointing.airs_odd[:, 0])[0, 1]
    assert covariance == pytest.approx(AIRS_SCALE * 0.1**2 / 45, rel=0.1)


def test_second_moments_are_those_of_one_step_and_have_no_mean(pointing: Pointing) -> None:
    dy, dx, yy, yx, xx = pointing.fgs1_odd.T
    assert yy == pytest.approx(dy**2 - 0.01, abs=1e-7)
    assert yx == pytest.approx(dy * dx, abs=1e-7)
    assert xx == pytest.approx(dx**2 - 0.01, abs=1e-7)
    for moments in (pointing.airs_even, pointing.airs_odd, pointing.fgs1_odd):
        error = moments.std(axis=0) / np.sqrt(len(moments))
        assert np.all(np.abs(moments.mean(axis=0)) < 4.5 * error)


def test_even_and_odd_reads_see_different_motion(pointing: Pointing) -> None:
    assert abs(np.corrcoef(pointing.fgs1_even[:, 0], pointing.fgs1_odd[:, 0])[0, 1]) < 0.02
