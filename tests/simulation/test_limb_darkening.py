"""Laws of limb darkening: their physical shape, and their distance from quadratic laws."""

from __future__ import annotations

import numpy as np
import pytest

from ariel_kit.simulation.limb_darkening import draw_law, quadratic_law

MU = np.linspace(0.01, 1, 100)


def intensity(law: np.ndarray) -> np.ndarray:
    """I(mu) / I(1) [shape=(..., mu)]."""
    return 1 - sum(law[..., n - 1, None] * (1 - MU ** (n / 2)) for n in (1, 2, 3, 4))


def mean_law(temperature: float) -> np.ndarray:
    return np.mean([draw_law(np.random.default_rng(i), temperature) for i in range(200)], axis=0)


@pytest.mark.parametrize("temperature", [4200.0, 5800.0, 7000.0])
def test_stars_darken_towards_their_limb(temperature: float) -> None:
    for seed in range(30):
        light = intensity(draw_law(np.random.default_rng(seed), temperature))
        assert light[:, -1] == pytest.approx(1)
        assert (light > 0).all()
        assert (np.diff(light, axis=-1) > -1e-3).all()


def test_fgs1_and_cool_stars_are_darker_at_the_limb() -> None:
    cool, hot = intensity(mean_law(4500.0)), intensity(mean_law(6800.0))
    for light in (cool, hot):
        assert light[0, 10] < light[1:, 10].min() - 0.1
    assert (cool[:, 10] < hot[:, 10]).all()
    # over AIRS the limb brightens with the wavelength
    assert cool[1, 10] < cool[-1, 10]


def test_stars_of_one_temperature_differ() -> None:
    limbs = [intensity(draw_law(np.random.default_rng(i), 5800.0))[:, 10] for i in range(200)]
    scatter = np.std(limbs, axis=0)
    assert 0.01 < scatter[0] < 0.06
    assert (scatter[1:] > 0.005).all()


def test_no_quadratic_law_follows_them_exactly() -> None:
    """The best quadratic law, by disc area, is off by more than a thousandth of the intensity."""
    design = np.stack([1 - MU, (1 - MU) ** 2], axis=1)
    for channel in (0, 100):
        light = intensity(mean_law(5800.0))[channel]
        weight = np.sqrt(MU)
        fitted = np.linalg.lstsq(weight[:, None] * design, weight * (1 - light), rcond=None)[0]
        assert np.abs(1 - design @ fitted - light).max() > 1e-3


def test_a_quadratic_law_keeps_its_intensity() -> None:
    expected = 1 - 0.3 * (1 - MU) - 0.2 * (1 - MU) ** 2
    assert intensity(quadratic_law(0.3, 0.2)) == pytest.approx(expected, rel=1e-12)
