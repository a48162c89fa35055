"""The detector's kernels: random numbers, charge and read-out, against scipy and slow twins."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from numba import njit
from scipy import stats

from ariel_kit.core.errors import ShapeError
from ariel_kit.core.instruments import FGS1
from ariel_kit.data.calibration_maps import Calibration
from ariel_kit.data.converter import Adc
from ariel_kit.simulation import kernels
from ariel_kit.simulation.calibration_frames import AIRS_LINEARITY, Detector
from ariel_kit.simulation.detector import expose
from ariel_kit.simulation.kernels import FULL_WELL, RESET_NOISE

PAIRS = 400
ADC = Adc(1.2, -500.0)


@njit
def fill_normal(out: np.ndarray, seed: int) -> None:
    state = np.uint64(seed)
    for i in range(len(out)):
        out[i], state = kernels._normal(state)


@njit
def fill_poisson(out: np.ndarray, mean: float, seed: int) -> None:
    state = np.uint64(seed)
    for i in range(len(out)):
        out[i], state = kernels._poisson(mean, state)


def make_detector(**changes: float) -> Detector:
    """Build an ideal detector with some `changes`."""
    frame = (FGS1.height, FGS1.width)
    maps = {name: np.full(frame, changes.get(name, 0.0)) for name in ("dark", "read")}
    response = np.full(frame, changes.get("response", 1.0))
    linear_corr = np.zeros((6, *frame))
    linear_corr[1] = 1.0
    calibration = Calibration(
        dead=np.zeros(frame, bool), flat=response, linear_corr=linear_corr, **maps
    )
    return Detector(calibration, response, linear_corr)


def take(detector: Detector, level: float = 1000.0, seed: int = 1, **changes: object) -> np.ndarray:
    """Frames (pixel, time, read) in electrons of an even image without motion."""
    image = np.zeros((6, FGS1.height, FGS1.width))
    image[0] = level
    moments = np.zeros((PAIRS, 5), np.float32)
    arguments = {
        "image": image,
        "steady": np.zeros((FGS1.height, FGS1.width)),
        "light": np.ones((1, PAIRS), np.float32),
        "column": np.zeros(FGS1.width, np.int64),
        "moments": (moments, moments),
        "detector": detector,
        "adc": ADC,
        "instrument": FGS1,
        "seed": seed,
    }
    frames = expose(**{**arguments, **changes})  # type: ignore[arg-type]
    assert frames.dtype == np.uint16
    middle = (frames + 0.5) / ADC.gain + ADC.offset
    return middle.reshape(FGS1.n_pixels, PAIRS, 2)


def test_normal_numbers_are_normal() -> None:
    draws = np.empty(1_000_000)
    fill_normal(draws, 7)
    assert stats.kstest(draws, "norm").pvalue > 1e-3
    assert draws.std() == pytest.approx(1, abs=0.004)
    assert stats.kurtosis(draws) == pytest.approx(0, abs=0.02)
    tail = np.mean(np.abs(draws) > kernels.ZIGGURAT_EDGE)
    assert tail == pytest.approx(2 * stats.norm.sf(kernels.ZIGGURAT_EDGE), rel=0.25)
    assert abs(np.corrcoef(draws[1:], draws[:-1])[0, 1]) < 0.004


@pytest.mark.parametrize("mean", [0.02, 0.6, 3.0, 11.0])
def test_small_poisson_counts_are_exact(mean: float) -> None:
    draws = np.empty(300_000)
    fill_poisson(draws, mean, 11)
    expected = stats.poisson.pmf(np.arange(60), mean) * len(draws)
    counts = np.bincount(draws.astype(int), minlength=60)[:60]
    common = expected > 20
    pooled = np.append(counts[common], len(draws) - counts[common].sum())
    model = np.append(expected[common], len(draws) - expected[common].sum())
    assert stats.chisquare(pooled, model).pvalue > 1e-3


@pytest.mark.parametrize("mean", [12.0, 40.0, 5e4])
def test_large_poisson_counts_have_the_right_mean_and_variance(mean: float) -> None:
    draws = np.empty(400_000)
    fill_poisson(draws, mean, 13)
    assert draws.mean() == pytest.approx(mean, abs=5 * np.sqrt(mean / len(draws)))
    assert draws.var() == pytest.approx(mean, rel=0.015)
    assert np.all(draws == np.floor(draws))


def test_measured_charge_inverts_the_linearity_polynomial() -> None:
    curve = AIRS_LINEARITY + np.array([0.2, 0.01, 1e-7, 1e-12, -5e-18, 1e-23])
    for true in (-60.0, 0.0, 10.0, 3e3, 3e4, 7e4, FULL_WELL):
        measured = kernels._measured(true, tuple(curve))
        assert np.polynomial.polynomial.polyval(measured, curve) == pytest.approx(true, abs=0.02)


def test_frames_follow_shot_noise_and_read_times() -> None:
    frames = take(make_detector(), level=4000.0)
    even, cds = frames[..., 0], frames[..., 1] - frames[..., 0]
    assert cds.mean() == pytest.approx(4000, abs=0.5)
    assert even.mean() == pytest.approx(4000, abs=0.5)  # FGS1: as much light before the first read
    rounding = 1 / 12 / ADC.gain**2
    assert cds.var() == pytest.approx(4000 + 2 * rounding, rel=0.01)
    assert even.var() == pytest.approx(4000 + RESET_NOISE**2 + rounding, rel=0.01)


def test_reset_noise_is_common_to_both_reads() -> None:
    frames = take(make_detector(), level=0.0)
    even, cds = frames[..., 0], frames[..., 1] - frames[..., 0]
    assert even.var() == pytest.approx(RESET_NOISE**2 + 1 / 12 / ADC.gain**2, rel=0.02)
    assert cds.var() < 0.01


def test_read_noise_is_that_of_the_map_in_every_read() -> None:
    cds = np.diff(take(make_detector(read=20.0), level=0.0), axis=2)
    assert cds.std() == pytest.approx(20 * np.sqrt(2), rel=0.01)


def test_dark_current_gathers_from_the_start_of_the_ramp() -> None:
    frames = take(make_detector(dark=300.0), level=0.0)
    assert frames[..., 0].mean() == pytest.approx(300 * 0.1, abs=0.1)
    assert frames[..., 1].mean() == pytest.approx(300 * 0.2, abs=0.1)


def test_response_dims_the_light_and_the_foreground_but_not_the_dark() -> None:
    steady = np.full((FGS1.height, FGS1.width), 100.0)
    cds = np.diff(take(make_detector(response=0.5, dark=200.0), steady=steady), axis=2)
    assert cds.mean() == pytest.approx(0.5 * 1100 + 20, abs=0.2)
    dead = np.diff(take(make_detector(response=0.0), steady=steady), axis=2)
    assert np.all(dead == 0)


def test_light_motion_and_columns_enter_where_they_should() -> None:
    """Against the expectation written out in numpy."""
    rng = np.random.default_rng(5)
    image = rng.uniform(-300, 300, (6, FGS1.height, FGS1.width))
    image[0] += 9000
    light = np.stack([np.linspace(1, 0.9, PAIRS), np.ones(PAIRS)]).astype(np.float32)
    even, odd = rng.normal(0, 0.2, (2, PAIRS, 5)).astype(np.float32)
    column = np.arange(FGS1.width) % 2
    frames = take(make_detector(), image=image, light=light, column=column, moments=(even, odd))
    terms = image.reshape(6, -1)
    lit = light[np.tile(column, FGS1.height)]
    for read, moments in ((frames[..., 0], even), (np.diff(frames, axis=2)[..., 0], odd)):
        expected = (terms[:1].T + terms[1:].T @ moments.T) * lit
        z = (read - expected) / np.sqrt(expected + 5)
        for axis in (0, 1):
            means = z.mean(axis=axis) * np.sqrt(z.shape[axis])
            assert stats.kstest(means, "norm").pvalue > 1e-3
            assert np.abs(means).max() < 6
        assert z.std() == pytest.approx(1, rel=0.01)


def test_bright_pixels_saturate_at_the_well_and_at_the_converter() -> None:
    full = take(make_detector(), level=3e5)
    assert full.max() <= (65535.5) / ADC.gain + ADC.offset
    low_gain = take(make_detector(), level=3e5, adc=Adc(0.3, -500.0))
    adu = (low_gain.max() - ADC.offset) * ADC.gain
    assert adu == pytest.approx((FULL_WELL + 500) * 0.3, abs=1)


def test_one_and_two_threads_give_the_same_bits() -> None:
    before = numba.get_num_threads()
    frames = []
    try:
        for threads in {1, min(2, numba.config.NUMBA_NUM_THREADS)}:
            numba.set_num_threads(threads)
            frames.append(take(make_detector(read=13.0)))
    finally:
        numba.set_num_threads(before)
    assert all(np.array_equal(frames[0], other) for other in frames)


def test_seeds_and_pixels_have_noise_of_their_own() -> None:
    first, other = take(make_detector(), seed=1), take(make_detector(), seed=2)
    assert not np.array_equal(first, other)
    cds = np.diff(first, axis=2)[..., 0]
    correlation = np.corrcoef(cds[:200])
    assert np.abs(correlation - np.eye(200)).max() < 6 / np.sqrt(PAIRS)


def test_python_form_of_the_kernels_gives_the_same_frames(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    moments = np.zeros((1, 5), np.float32)
    n = FGS1.n_pixels
    arguments = [
        np.concatenate([np.full((1, n), 3e3), np.zeros((5, n))]),
        np.zeros(n),
        moments,
        moments,
        np.ones((1, 1), np.float32),
        np.zeros(n, np.int64),
        np.zeros(n),
        np.full(n, 13.0),
        np.ones(n),
        np.tile(AIRS_LINEARITY[:, None], n),
        FGS1.read_times,
        tuple(ADC),
        0.3,
        np.uint64(9),
    ]
    compiled, plain = np.zeros((2, n, 2), np.uint16)
    kernels.expose_pixels(*arguments, compiled)
    numbers = ("_mix", "_uniform", "_normal", "_poisson", "_hit")
    helpers = (*numbers, "_measured", "_digitise", "_starlight")
    for name in helpers:
        monkeypatch.setattr(kernels, name, getattr(kernels, name).py_func)
    with np.errstate(over="ignore"):
        kernels.expose_pixels.py_func(*arguments, plain)
    assert np.array_equal(compiled, plain)


def test_charged_particles_hit_at_their_rate_and_leave_their_charge() -> None:
    calm, hit = take(make_detector()), take(make_detector(), hit_rate=0.01)
    cds, still = np.diff(hit)[..., 0], np.diff(calm)[..., 0]
    struck = cds > np.median(still) + 8 * still.std()
    n = struck.size
    assert struck.sum() == pytest.approx(n * 0.01 * FGS1.exposure, rel=0.25)
    charge = cds[struck] - np.median(still)
    assert charge.mean() == pytest.approx(kernels.HIT_LEAST + kernels.HIT_MEAN, rel=0.1)
    assert (still < np.median(still) + 8 * still.std()).all()


def test_arrays_that_do_not_fit_are_named() -> None:
    with pytest.raises(ShapeError, match="column must have 32 along 'x'"):
        take(make_detector(), column=np.zeros(3, np.int64))
    short = np.zeros((2, 5), np.float32)
    with pytest.raises(ShapeError, match="even moments must have 400 along 'time'"):
        take(make_detector(), moments=(short, short))
