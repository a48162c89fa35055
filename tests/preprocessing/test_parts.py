"""Each part of the calibration on its own, against oracles and planted truth."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.stats import mad_std
from astropy.stats import sigma_clip as astropy_clip

from ariel_kit.core.errors import ShapeError, UnknownNameError
from ariel_kit.core.instruments import FGS1
from ariel_kit.data.calibration_maps import Calibration
from ariel_kit.data.converter import Adc
from ariel_kit.preprocessing import kernels, robust_zscore
from ariel_kit.preprocessing.badpixels import (
    fill_levels,
    find_bad_pixels,
    find_donors,
    sigma_clip,
)
from ariel_kit.preprocessing.detector import pixel_constants
from ariel_kit.preprocessing.extraction import (
    blind_weights,
    brightest_pixels,
    optimal_rows,
    pointing_weights,
    psf_weights,
    scatter_modes,
    stamp,
)
from ariel_kit.preprocessing.foreground import border_level, fit_foreground

ROWS = np.arange(32.0)
X = np.linspace(-1, 1, 282)


def smooth_maps(shape: tuple[int, int] = (8, 9)) -> Calibration:
    linear_corr = np.zeros((6, *shape))
    linear_corr[1] = 1
    return Calibration(
        dark=np.full(shape, 0.007) + 1e-4 * np.arange(shape[1]),
        dead=np.zeros(shape, bool),
        flat=np.ones(shape),
        linear_corr=linear_corr,
        read=np.full(shape, 13.5),
    )


# bad pixels


def test_sigma_clip_is_astropys(rng: np.random.Generator) -> None:
    for _ in range(20):
        values = np.concatenate([rng.normal(size=500), rng.exponential(20, size=40)])
        expected = ~np.ma.getmaskarray(astropy_clip(values, sigma=5, maxiters=5))
        np.testing.assert_array_equal(sigma_clip(values, sigma=5, rounds=5), expected)


def test_bad_pixels_by_reason() -> None:
    maps = smooth_maps()
    maps.dead[1, 1] = True
    maps.flat[2, 2] = 0
    maps.flat[2, 3] = -0.01
    maps.dark[3, 3] = 11
    maps.linear_corr[2, 4, 4] = 3e-6
    found = find_bad_pixels(maps)
    assert np.argwhere(found.dead).tolist() == [[1, 1], [2, 2], [2, 3]]
    assert np.argwhere(found.hot).tolist() == [[3, 3]]
    assert np.argwhere(found.wild).tolist() == [[4, 4]]
    assert found.any.sum() == 5


def test_levels_of_bad_pixels_follow_the_profile() -> None:
    truth = np.exp(-0.5 * ((ROWS[:, None] - 15.6) / 1.8) ** 2) * (2e4 * (1 + 0.5 * X)) + 20
    bad = np.zeros(truth.shape, bool)
    bad[15, [0, 100, 101, 281]] = bad[16, 100] = True
    filled = fill_levels(np.where(bad, 0, truth), bad)
    np.testing.assert_allclose(filled[bad], truth[bad], rtol=2e-3)
    np.testing.assert_array_equal(filled[~bad], truth[~bad])


@pytest.mark.parametrize("method", ["row", "median", "psf"])
def test_donors_rebuild_a_linear_row(method: str) -> None:
    levels = np.add.outer(100 * np.arange(1.0, 6), 2 * np.arange(11.0))
    usable = np.ones(levels.shape, bool)
    usable[2, 5] = usable[0, 0] = False
    donors = find_donors(method, levels, usable=usable, targets=~usable, reach=(0, 2))
    inside = donors.target == 2 * 11 + 5
    rebuilt = donors.weight[inside] @ levels.ravel()[donors.donor[inside]]
    assert rebuilt == pytest.approx(levels[2, 5])
    assert usable.ravel()[donors.donor].all()
    edge = donors.target == 0
    assert donors.weight[edge] @ levels.ravel()[donors.donor[edge]] == pytest.approx(100, abs=4)


def test_row_donors_weigh_by_distance() -> None:
    usable = np.ones((1, 6), bool)
    usable[0, 1:3] = False
    targets = np.array([[False, True, False, False, False, False]])
    donors = find_donors("row", np.ones((1, 6)), usable=usable, targets=targets, reach=(0, 2))
    assert donors.donor.tolist() == [0, 3]
    np.testing.assert_allclose(donors.weight, [2 / 3, 1 / 3])


@pytest.mark.parametrize("method", ["row", "median", "psf"])
def test_a_whole_bad_row_is_no_hole(method: str) -> None:
    levels = np.add.outer(np.arange(1.0, 5), np.zeros(6))
    usable = np.ones(levels.shape, bool)
    usable[1] = False
    donors = find_donors(method, levels, usable=usable, targets=~usable, reach=(0, 2))
    rebuilt = np.bincount(donors.target, donors.weight * levels.ravel()[donors.donor])
    np.testing.assert_allclose(rebuilt[6:12], 2)


def test_unknown_infill_is_refused() -> None:
    image = np.ones((2, 2))
    with pytest.raises(UnknownNameError, match=r"Unknown infill method 'mean'.*median, psf, row"):
        find_donors("mean", image, usable=image > 0, targets=image < 0, reach=(0, 1))


# constants and kernels


def test_constants_are_the_calibration_folded(rng: np.random.Generator) -> None:
    maps = smooth_maps()
    maps.linear_corr[:] = np.array([0.1, 1.003, 2e-8, 1.2e-11, -6e-17, 1.3e-22])[:, None, None]
    maps.flat[:] = 1.02
    bad = np.zeros(maps.dead.shape, bool)
    bad[0, 0] = True
    maps.linear_corr[:, 0, 0] = np.nan
    adc = Adc(0.93, -855.0)
    constants = pixel_constants(maps, adc, FGS1, bad).astype(np.float64)
    assert not constants[0, 0].any()
    even, odd = 5000.0, 52000.0

    def calibrated(adu: float) -> float:
        electrons = adu / adc.gain + adc.offset
        return float(np.polynomial.polynomial.polyval(electrons, maps.linear_corr[:, 4, 5]))

    expected = (calibrated(odd) - calibrated(even) - maps.dark[4, 5] * 0.1) / 1.02
    powers = np.arange(1, 6)
    found = constants[4, 5, :5] @ (odd**powers - even**powers) - constants[4, 5, 5]
    assert found == pytest.approx(expected, rel=1e-6)


def test_kernels_run_as_plain_python(rng: np.random.Generator) -> None:
    memory = rng.integers(0, 2**32, 40, dtype=np.uint32)
    offsets = np.array([0, 13, 26])
    constants = np.array([[1, 0, 0, 0, 0, 3], [2, 1e-6, 0, 0, 0, 0], [0] * 6], np.float32)
    starts, pixels = np.array([0, 2, 3]), np.array([0, 1, 1])
    weights = np.array([[1, 0.5], [1, 2], [3, 0]], np.float32)
    even, odd = (memory & 0xFFFF).astype(float), (memory >> 16).astype(float)
    first = (odd - even - 3)[:12]
    second = (2 * (odd - even) + 1e-6 * (odd**2 - even**2))[13:25]
    for mean_levels, weighted_sums in (
        (kernels.mean_levels, kernels.weighted_sums),
        (kernels.mean_levels.py_func, kernels.weighted_sums.py_func),
    ):
        levels, sums = np.empty(3), np.zeros((2, 2, 12), np.float32)
        mean_levels(memory, offsets, 12, constants, levels, np.empty(len(offsets), np.int64))
        np.testing.assert_allclose(levels, [first.mean(), second.mean(), 0], rtol=1e-5)
        weighted_sums(memory, offsets, constants, starts, pixels, weights, sums)
        np.testing.assert_allclose(sums[0, 0], first + second, rtol=1e-5, atol=0.05)
        np.testing.assert_allclose(sums[0, 1], first / 2 + 2 * second, rtol=1e-5, atol=0.05)
        np.testing.assert_allclose(sums[1, 0], 3 * second, rtol=1e-5, atol=0.05)
        assert not sums[1, 1].any()
    kernels.calibrate_tile.py_func(memory[:4], constants[0], tile := np.empty(4, np.float32))
    np.testing.assert_allclose(tile, first[:4], rtol=1e-5)


# foreground


def airs_scene(wings: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
    """An image without foreground whose outer rows hold `share` of its light; and its flux."""
    core = np.exp(-0.5 * ((ROWS - 15.6) / 1.7) ** 2)
    core[:8] = core[24:] = 0
    outer = np.r_[0:8, 24:32]
    wings = share * wings / wings[outer].sum()
    flux = 3.4e4 * np.exp(-((X + 0.7) ** 2)) + 3e3
    return np.outer(core / core.sum() + wings, flux), flux


@pytest.mark.parametrize("share", [0.006, 0.02])
@pytest.mark.parametrize("kind", ["diffraction", "steep", "exponential", "lopsided"])
def test_foreground_is_told_from_the_wings(
    kind: str, share: float, rng: np.random.Generator
) -> None:
    distance = np.abs(ROWS - 15.6)
    wings = {
        "diffraction": np.maximum(distance, 3) ** -2.0,
        "steep": np.maximum(distance, 3) ** -3.0,
        "exponential": 0.6**distance,
        "lopsided": np.maximum(distance, 3) ** -2.0 * np.where(ROWS < 16, 1, 1.6),
    }[kind]
    star, flux = airs_scene(wings, share)
    foreground = 25 * (1 + 0.3 * X)
    noise = np.sqrt((star + foreground + 2 * 13.5**2) / 5625)
    bad = rng.random(star.shape) < 0.01
    levels = star + foreground + noise * rng.standard_normal(star.shape)
    found = fit_foreground(fill_levels(np.where(bad, 0, levels), bad), bad, slice(8, 24))

    def depth_bias(guess: np.ndarray) -> float:
        """Of the flux-weighted depth, at a depth of 0.004, in ppm."""
        return float(0.004e6 * 16 * np.sum(guess - foreground) / flux.sum())

    assert abs(depth_bias(found)) < 3
    assert depth_bias(np.median(levels[np.r_[0:8, 24:32]], axis=0)) > 4 * abs(depth_bias(found))


def test_border_level_is_the_median_of_the_border() -> None:
    image = np.full((10, 10), 2.0)
    image[3:-3, 3:-3] = 1e4
    bad = np.zeros(image.shape, bool)
    bad[0, :3] = True
    image[0, :3] = 1e9
    assert border_level(image, bad, 3) == 2.0
    assert border_level(image, np.ones(image.shape, bool), 3) == 0.0


# extraction


def moved_star(shift: np.ndarray, width: float = 1.1, sub: int = 8) -> np.ndarray:
    """Pixel-integrated images of a star of 2.3e5 electrons, moved; axes (time, y, x)."""
    edges = np.arange(32 * sub) / sub - 0.5 + 0.5 / sub
    profile = np.exp(-0.5 * ((edges - 15.8 - shift[..., None]) / width) ** 2)
    profile *= 1 + 0.3 * np.cos(2 * np.pi * edges)  # pixels respond best in their middle
    parts = profile.reshape(len(shift), 2, 32, sub).sum(axis=-1)
    image = parts[:, 0, :, None] * parts[:, 1, None, :]
    return 2.3e5 * image / image.sum(axis=(1, 2)).mean()


@pytest.fixture
def jittered(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    shift = 0.1 * rng.standard_normal((3000, 2))
    light = moved_star(shift)
    frames = rng.poisson(light) + 19.1 * rng.standard_normal(light.shape)
    return frames.astype(np.float32), shift


def scatter(frames: np.ndarray, weights: np.ndarray) -> float:
    flux = np.tensordot(frames, weights, axes=2)
    return float(flux.std() / flux.mean())


def test_psf_weights_leave_photons_and_read_noise_only(
    jittered: tuple[np.ndarray, np.ndarray],
) -> None:
    frames, _ = jittered
    star = frames.mean(axis=0, dtype=np.float64)
    bad = np.zeros(star.shape, bool)
    bad[16, 15] = True  # beside the brightest
    star = fill_levels(star, bad)
    frames = np.where(bad, 0, frames)
    variance = np.where(bad, np.inf, np.maximum(star, 0) + 19.1**2)
    inside = stamp(star, np.full(star.shape, 2 * 13.5**2))
    modes = scatter_modes(frames[:, inside].T, variance[inside])
    weights = psf_weights(star, variance, inside, modes)
    information = np.sum(np.maximum(star, 0)[~bad] ** 2 / variance[~bad])
    assert scatter(frames, weights) == pytest.approx(information**-0.5, rel=0.06)
    core = brightest_pixels(star, np.maximum(star, 0) + 19.1**2)
    assert scatter(frames, core * ~bad) > 1.5 * scatter(frames, weights)
    assert weights[bad] == 0
    assert np.sum(weights * star) == pytest.approx(star[inside].sum())


def test_noise_alone_has_no_scatter_modes(rng: np.random.Generator) -> None:
    samples = 5 * rng.standard_normal((60, 4000)).astype(np.float32)
    assert scatter_modes(samples, np.full(60, 25.0)).shape == (60, 0)
    assert scatter_modes(samples[:, :3], np.full(60, 25.0)).shape == (60, 0)
    steps = np.tile(np.float32([0, 8, 4, 0]), (60, 1))  # two steps show a mode of (64 + 16) / 4
    np.testing.assert_allclose(scatter_modes(steps, np.ones(60)) ** 2, np.full((60, 1), 20), 1e-2)


def test_pointing_follows_the_planted_motion(jittered: tuple[np.ndarray, np.ndarray]) -> None:
    frames, shift = jittered
    star = frames.mean(axis=0, dtype=np.float64)
    variance = np.maximum(star, 0) + 19.1**2
    inside = stamp(star, np.full(star.shape, 2 * 13.5**2))
    weights = pointing_weights(star, variance, inside)
    for axis in (0, 1):
        found = np.tensordot(frames, weights[axis], axes=2)
        assert np.corrcoef(found, shift[:, axis])[0, 1] > 0.998
        assert abs(np.corrcoef(found, shift[:, 1 - axis])[0, 1]) < 0.1
        assert np.polyfit(shift[:, axis], found, 1)[0] == pytest.approx(1, abs=0.2)


def test_weights_are_those_of_the_full_covariance(rng: np.random.Generator) -> None:
    star, variance, modes = rng.uniform(1, 9, 7), rng.uniform(1, 4, 7), rng.normal(size=(7, 2))
    expected = np.linalg.solve(np.diag(variance) + modes @ modes.T, star)
    expected *= star.sum() / (expected @ star)
    np.testing.assert_allclose(blind_weights(star, variance, modes), expected)


def test_optimal_rows_keep_the_flux_and_skip_bad_pixels() -> None:
    profile = np.exp(-0.5 * ((ROWS - 15.6) / 1.5) ** 2)
    star = profile[:, None] * np.array([2e4, 5e3])
    variance = star + 365
    variance[15, 1] = np.inf
    weights = optimal_rows(star, variance)
    np.testing.assert_allclose((weights * star).sum(axis=0), star.sum(axis=0))
    assert weights[15, 1] == 0
    assert weights[15, 0] > 5 * weights[22, 0]


def test_stamp_is_bounded() -> None:
    star = 1e4 + np.arange(1024.0).reshape(32, 32)
    assert stamp(star, np.ones((32, 32))).sum() == 200


# normalisation


def test_robust_zscore_against_astropy(rng: np.random.Generator) -> None:
    flux = rng.normal(7, 3, (500, 4))
    flux[::50] += 1e4
    found = robust_zscore(flux)
    np.testing.assert_allclose(
        found.values, (flux - np.median(flux, axis=0)) / mad_std(flux, axis=0)
    )
    np.testing.assert_allclose(found.values * found.sigma + found.median, flux)
    np.testing.assert_allclose(robust_zscore(flux.T, axis=1).values.T, found.values)


def test_a_centred_series_is_scaled_only(rng: np.random.Generator) -> None:
    flux = rng.normal(0.5, 3, (2, 40, 12))
    found = robust_zscore(flux, axis=(-2, -1), centred=True)
    expected = flux / mad_std(flux, axis=(-2, -1))[:, None, None]
    np.testing.assert_allclose(found.values, expected)
    assert not found.median.any()


def test_robust_zscore_of_a_constant_is_zero() -> None:
    assert not robust_zscore(np.full((5, 2), 3.0)).values.any()


def test_robust_zscore_needs_samples() -> None:
    with pytest.raises(ShapeError, match=r"samples along axis 0; got shape \(0, 3\)"):
        robust_zscore(np.zeros((0, 3)))
