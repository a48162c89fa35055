"""The moments of the stellar disc behind a planet, compiled and as plain Python."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from ariel_kit.light_curve import kernels

POWERS = np.arange(kernels.N_POWERS) / 2
PLACES = [(0.0, 0.1), (0.5, 0.1), (0.95, 0.1), (1.05, 0.1), (0.97, 0.02), (0.3, 0.3)]
"""Distance and radius of the planet, in stellar radii: inside the disc and across its limb."""

Kernel = Callable[..., None]


@pytest.fixture(params=["compiled", "plain"])
def add_moments(request: pytest.FixtureRequest) -> Kernel:
    found = kernels.add_moments
    return found if request.param == "compiled" else found.py_func


def moments_at(add_moments: Kernel, z: float, k: float) -> tuple[np.ndarray, np.ndarray]:
    """Give the moments, and their derivatives with respect to z and k."""
    moments, slopes = np.zeros(kernels.N_POWERS), np.zeros((2, kernels.N_POWERS))
    add_moments(z, k, 1.0, moments, *slopes)
    slopes[1] -= 2 * moments / k  # the moments are divided by pi k**2
    return moments, slopes


def mean_over_disc(z: float, k: float, n: int = 1500) -> np.ndarray:
    """Average mu**(j / 2) over the planet's disc, on a polar grid; zero beside the star."""
    radius = k * np.sqrt((np.arange(n) + 0.5) / n)[:, None]  # rings of equal area
    angle = 2 * np.pi * (np.arange(n) + 0.5) / n
    square = z**2 + radius**2 + 2 * z * radius * np.cos(angle)
    mu = np.sqrt(np.maximum(1 - square, 0))
    return np.array([np.mean(np.where(square < 1, mu**power, 0)) for power in POWERS])


@pytest.mark.parametrize(("z", "k"), PLACES)
def test_moments_are_means_over_the_disc(add_moments: Kernel, z: float, k: float) -> None:
    found, _ = moments_at(add_moments, z, k)
    np.testing.assert_allclose(found, mean_over_disc(z, k), atol=5e-4)


@pytest.mark.parametrize(("z", "k"), PLACES[1:])
def test_slopes_are_differences_of_moments(add_moments: Kernel, z: float, k: float) -> None:
    _, slopes = moments_at(add_moments, z, k)
    h = 1e-6
    for slope, dz, dk in zip(slopes, (h, 0), (0, h), strict=True):
        ends = [moments_at(add_moments, z + s * dz, k + s * dk)[0] for s in (-1, 1)]
        np.testing.assert_allclose(slope, (ends[1] - ends[0]) / (2 * h), rtol=2e-3, atol=2e-3)


def test_a_planet_beside_the_star_hides_nothing(add_moments: Kernel) -> None:
    moments, slopes = moments_at(add_moments, 1.2, 0.2)
    assert not moments.any()
    assert not slopes.any()


@pytest.mark.parametrize("rate", [0.0, 0.2])
def test_exposures_are_averaged_alike_by_both(rate: float, monkeypatch: pytest.MonkeyPatch) -> None:
    time, span = np.linspace(-2.2, 2.2, 23), np.full(23, 0.2)
    path, k = np.array([[0.05, 1.4, 0.2], [-0.1, 1.2, 0.0]]), np.array([0.1, 0.05])
    arguments = time, span, 0.02, path, np.full(2, rate), k

    def average(window_moments: Kernel) -> list[np.ndarray]:
        moments, slopes = np.zeros((2, 23, 5)), np.zeros((2, 23, 5, 4))
        window_moments(*arguments, moments, slopes)
        return [moments, slopes]

    compiled = average(kernels.window_moments)
    for name in ("add_moments", "_substeps"):
        monkeypatch.setattr(kernels, name, getattr(kernels, name).py_func)
    plain = average(kernels.window_moments.py_func)
    for one, other in zip(compiled, plain, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-11)
    assert compiled[0][:, [0, -1]].max() == 0
    # In the middle of the transit the light behind the disc hardly changes over an exposure.
    elapsed = time[11] - path[0, 0]
    along = elapsed / 1.4 if rate == 0 else np.sin(rate * elapsed) / (rate * 1.4)
    expected = mean_over_disc(np.sqrt(0.2 + along**2), 0.1)
    np.testing.assert_allclose(compiled[0][0, 11], expected, atol=2e-3)
