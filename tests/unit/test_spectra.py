"""Simulated transmission spectra: shapes, physics and names."""

from __future__ import annotations

import numpy as np

from ariel_kit.simulation.spectra import draw_spectra


def test_the_same_seed_gives_the_same_spectra() -> None:
    first, second = (draw_spectra(20, rng=np.random.default_rng(3), star=1) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert first.shape == (20, 283)
    assert (first > 0).all()
