"""The noise of light curves, estimated from their steps."""

from __future__ import annotations

import numpy as np
import pytest

from ariel_kit.preprocessing.normalize import white_noise


def test_white_noise_forgets_transits_and_outliers(rng: np.random.Generator) -> None:
    flux = rng.normal(1e4, 20, (3, 40000))
    flux[:, 10000:30000] *= 0.99
    flux *= 1 + 0.001 * np.linspace(-1, 1, 40000) ** 2
    flux[:, ::500] += 3e4
    np.testing.assert_allclose(white_noise(flux), 20, rtol=0.03)
    assert white_noise(np.ones((3, 1))).tolist() == [0, 0, 0]


@pytest.mark.parametrize("n", [2, 3, 10, 11, 500])
def test_white_noise_is_the_median_step(rng: np.random.Generator, n: int) -> None:
    flux = rng.normal(100, 20, (4, n)).astype(np.float32)
    expected = 1.482602218505602 / np.sqrt(2) * np.median(np.abs(np.diff(flux)), axis=1)
    np.testing.assert_array_equal(white_noise(flux), expected.astype(np.float64))
    flux[1, n // 2] = np.nan
    assert np.isnan(white_noise(flux)).tolist() == [False, True, False, False]
