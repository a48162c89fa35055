"""The calibration in two passes, against a slow version, planted truth and itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import polars as pl
import pytest

from ariel_kit.core.config import CalibrationSettings
from ariel_kit.core.instruments import AIRS, FGS1, INSTRUMENTS, Instrument
from ariel_kit.data.dataset import Dataset, open_dataset
from ariel_kit.preprocessing import calibrate_planet, extracted_columns, mean_image
from ariel_kit.preprocessing.badpixels import INFILL_METHODS
from ariel_kit.preprocessing.detector import RawVisit
from ariel_kit.simulation import simulate_dataset
from tests.support import reference
from tests.support.calibration import (
    airs_settings,
    airs_step_by_step,
    digest,
    frames_step_by_step,
    read_raw,
)

N_PAIRS = 24


def random_maps(rng: np.random.Generator, instrument: Instrument) -> dict[str, np.ndarray]:
    """Calibration frames with dead, hot and wild pixels, some next to each other."""
    shape = (instrument.height, instrument.width)
    dark = 0.007 + 0.001 * rng.standard_normal(shape)
    dead = rng.random(shape) < 0.004
    hot = rng.random(shape) < 0.004
    dark[hot] = rng.uniform(0.1, 12, hot.sum())
    flat = 1.01 + 0.012 * rng.standard_normal(shape)
    flat[dead] = 1e-4 * rng.standard_normal(dead.sum())
    mean = np.array([0.1, 1.0, 1e-8, 1.18e-11, -6e-17, 1.3e-22])[:, None, None]
    spread = np.array([0.2, 0.005, 7e-8, 1.3e-12, 0, 0])[:, None, None]
    linear_corr = mean + spread * rng.standard_normal((6, *shape))
    linear_corr[:, dead] = 1e6 * rng.standard_normal((6, dead.sum()))
    linear_corr[1, 3, 3] = 1.4
    read = 13.5 + rng.gamma(1.0, 1.0, shape)
    read[rng.random(shape) < 0.002] = 150
    return {"dark": dark, "dead": dead, "flat": flat, "linear_corr": linear_corr, "read": read}


def random_frames(rng: np.random.Generator, instrument: Instrument, n_frames: int) -> np.ndarray:
    """Draw random frames with a bright star."""
    y, x = np.mgrid[: instrument.height, : instrument.width]
    if instrument is AIRS:
        image = (4e3 + 20 * x) * np.exp(-0.5 * ((y - 15.6) / 1.6) ** 2) + 40
    else:
        image = 2e4 * np.exp(-0.5 * ((y - 15.3) ** 2 + (x - 16.2) ** 2) / 1.2**2) + 5
    ends = np.array([0.02, 1.02]) if instrument is AIRS else np.array([1.0, 2.0])
    electrons = image * np.resize(ends, n_frames)[:, None, None]
    noisy = electrons + np.sqrt(electrons + 200) * rng.standard_normal(electrons.shape)
    return np.clip((noisy + 900) * 0.7, 0, 65535).astype(np.uint16)


def write_planet(
    root: Path, frames: dict[str, np.ndarray], maps: dict[str, dict[str, np.ndarray]]
) -> Dataset:
    """Write planet 7 of split train in the 2024 layout; its converter undoes `random_frames`."""
    for name, cube in frames.items():
        instrument = INSTRUMENTS[name]
        folder = root / "train" / "7" / f"{name}_calibration"
        folder.mkdir(parents=True, exist_ok=True)
        columns = [f"column_{i}" for i in range(instrument.n_pixels)]
        table = pl.DataFrame(np.ascontiguousarray(cube.reshape(len(cube), -1)), schema=columns)
        table.write_parquet(folder.parent / f"{name}_signal.parquet")
        for key, values in maps[name].items():
            table = pl.DataFrame(
                np.ascontiguousarray(values.reshape(-1, instrument.width)),
                schema=columns[: instrument.width],
            )
            table.write_parquet(folder / f"{key}.parquet")
    (root / "train_adc_info.csv").write_text(
        "planet_id,FGS1_adc_offset,FGS1_adc_gain,AIRS-CH0_adc_offset,AIRS-CH0_adc_gain,star\n"
        "7,-900,0.7,-900,0.7,1\n"
    )
    return open_dataset(root)


@pytest.fixture(scope="module")
def random_planet(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    rng = np.random.default_rng(4)
    frames = {
        name: random_frames(rng, instrument, 2 * N_PAIRS)
        for name, instrument in INSTRUMENTS.items()
    }
    frames["FGS1"] = random_frames(rng, FGS1, 4 * N_PAIRS)
    maps = {name: random_maps(rng, instrument) for name, instrument in INSTRUMENTS.items()}
    return write_planet(tmp_path_factory.mktemp("random"), frames, maps)


@pytest.fixture(scope="module")
def simulated_planet(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("simulated")
    return open_dataset(simulate_dataset(folder, n_train=1, n_test=0, n_pairs=N_PAIRS, seed=5))


@pytest.fixture(params=["random_planet", "simulated_planet"])
def planet(request: pytest.FixtureRequest) -> tuple[Dataset, int]:
    dataset = request.getfixturevalue(request.param)
    return dataset, dataset.planets("train")[0]


def test_airs_equals_the_slow_twin(planet: tuple[Dataset, int]) -> None:
    dataset, number = planet
    for method, expected in reference.airs(read_raw(dataset, "train", number, AIRS)).items():
        found = calibrate_planet(dataset, number, settings=airs_settings(method))
        np.testing.assert_allclose(found.airs, expected["flux"], rtol=1e-5, err_msg=method)
        np.testing.assert_allclose(found.row_moments, expected["moments"], atol=1e-5)
        facts = found.provenance["calibration"]["airs"]
        assert facts["foreground"] == pytest.approx(np.median(expected["foreground"]), abs=1e-3)


@pytest.mark.parametrize("instrument", [AIRS, FGS1], ids=lambda each: each.name)
def test_frames_by_the_public_steps_equal_the_slow_twin_and_the_fused_pass(
    planet: tuple[Dataset, int], instrument: Instrument
) -> None:
    dataset, number = planet
    raw = read_raw(dataset, "train", number, instrument)
    expected, bad = reference.cds_cube(raw)
    columns, good = extracted_columns(instrument), ~bad[:, extracted_columns(instrument)]
    frames = frames_step_by_step(dataset, number, instrument)
    np.testing.assert_allclose(frames[:, good], expected[..., columns][:, good], atol=1e-6)
    detector = RawVisit(dataset, "train", number, 0).open(instrument)
    fused = detector.sample(good, stretches=1, length=len(frames)).T
    np.testing.assert_allclose(frames[:, good], fused, atol=0.05)  # float32 of 6e4 electrons


@pytest.mark.parametrize("method", INFILL_METHODS)
def test_light_curves_by_the_public_steps_equal_the_fused_pass(
    planet: tuple[Dataset, int], method: str
) -> None:
    found = calibrate_planet(*planet, settings=airs_settings(method))
    np.testing.assert_allclose(airs_step_by_step(*planet, method), found.airs, rtol=1e-5)


def test_fgs1_core_equals_the_slow_twin(planet: tuple[Dataset, int]) -> None:
    dataset, number = planet
    settings = CalibrationSettings(fgs1_extraction="brightest")
    found = calibrate_planet(dataset, number, settings=settings)
    expected = reference.fgs1_core(read_raw(dataset, "train", number, FGS1))
    np.testing.assert_allclose(found.fgs1, expected, rtol=1e-5)


def test_fgs1_psf_equals_the_slow_twin(planet: tuple[Dataset, int]) -> None:
    dataset, number = planet
    found = calibrate_planet(dataset, number)
    flux, pointing = reference.fgs1_psf(read_raw(dataset, "train", number, FGS1))
    np.testing.assert_allclose(found.fgs1, flux, rtol=1e-5)
    np.testing.assert_allclose(found.pointing, pointing, atol=2e-5)


def test_memory_modes_give_the_same_bits(random_planet: Dataset) -> None:
    normal = calibrate_planet(random_planet, 7)
    tight = calibrate_planet(random_planet, 7, settings=CalibrationSettings(memory="tight"))
    for name in ("airs", "fgs1", "pointing", "row_moments", "airs_noise"):
        np.testing.assert_array_equal(getattr(tight, name), getattr(normal, name))


WARM = """
import sys
from ariel_kit.data.dataset import open_dataset
from ariel_kit.preprocessing import calibrate_planet, calibration_warmup, kernels
calibration_warmup()
seconds = calibration_warmup()
loops = kernels.mean_levels, kernels.weighted_sums
before = [len(loop.signatures) for loop in loops]
calibrate_planet(open_dataset(sys.argv[1]), 7)
print(seconds < 1, before == [len(loop.signatures) for loop in loops])
"""


def test_after_the_warmup_nothing_is_left_to_compile(random_planet: Dataset) -> None:
    command = [sys.executable, "-c", WARM, str(random_planet.root)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True"]


DIGEST = """
import sys
from ariel_kit.data.dataset import open_dataset
from tests.support.calibration import digest
print(digest(open_dataset(sys.argv[1])))
"""


def test_threads_and_compilation_do_not_change_a_bit(
    random_planet: Dataset, tmp_path: Path
) -> None:
    available = numba.get_num_threads()
    digests = set()
    for threads in range(1, available + 1):
        numba.set_num_threads(threads)
        digests.add(digest(random_planet))
    numba.set_num_threads(available)
    fresh = {"NUMBA_NUM_THREADS": "4", "NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-c", DIGEST, str(random_planet.root)]
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        command, cwd=root, env={**os.environ, **fresh}, capture_output=True, text=True, check=True
    )
    assert digests == {done.stdout.strip()}


def test_light_curves_are_linear_in_the_starlight(tmp_path: Path) -> None:
    """Noiseless frames with a transit: no infill and no weighting changes a depth."""
    rng = np.random.default_rng(9)
    n = 64
    light = np.ones(n)
    light[20:44] -= 0.004
    maps = {name: random_maps(rng, instrument) for name, instrument in INSTRUMENTS.items()}
    frames = {}
    for name, instrument in INSTRUMENTS.items():
        y, x = np.mgrid[: instrument.height, : instrument.width]
        shape = (y - 15.6) ** 2 + (0 if instrument is AIRS else (x - 16.2) ** 2)
        star = 3e4 * np.exp(-0.5 * shape / 1.4**2)
        maps[name]["linear_corr"][:] = np.array([0, 1.0, 0, 0, 0, 0])[:, None, None]
        maps[name]["dark"][:] = 0
        maps[name]["flat"][:] = 1
        maps[name]["dead"][15, 16::40] = True
        ends = light[:, None, None] * star + 25
        ramp = np.stack([np.full_like(ends, 300.0), 300 + ends], axis=1)
        electrons = ramp.reshape(-1, instrument.height, instrument.width)
        frames[name] = np.round((electrons + 900) * 0.7 + rng.uniform(-0.5, 0.5, electrons.shape))
        frames[name] = frames[name].astype(np.uint16)
    dataset = write_planet(tmp_path, frames, maps)
    for values in (
        {"bad_pixels": "row", "airs_extraction": "window"},
        {"bad_pixels": "median", "airs_extraction": "window", "fgs1_extraction": "brightest"},
        {"airs_extraction": "optimal", "fgs1_extraction": "brightest"},
        {"bad_pixels": "psf", "airs_extraction": "window", "fgs1_extraction": "psf"},
    ):
        found = calibrate_planet(dataset, 7, settings=CalibrationSettings(**values))
        assert found.bad_fraction.max() > 0.2
        for flux in (found.airs.sum(axis=1, dtype=np.float64), found.fgs1.astype(np.float64)):
            depth = 1 - flux[20:44].mean() / np.delete(flux, slice(20, 44)).mean()
            assert depth == pytest.approx(0.004, abs=4e-6), values


@pytest.mark.parametrize("instrument", [AIRS, FGS1], ids=lambda each: each.name)
def test_the_mean_image_is_the_mean_of_the_slow_twin(
    simulated_planet: Dataset, instrument: Instrument
) -> None:
    (planet,) = simulated_planet.planets("train")
    raw = read_raw(simulated_planet, "train", planet, instrument)
    cds, bad = reference.cds_cube(raw)
    columns = np.arange(instrument.width)[instrument.columns]
    if instrument is AIRS:
        columns = columns[::-1]
    good = ~bad[:, columns]
    image = mean_image(simulated_planet, planet, instrument, split="train")
    expected = cds.mean(axis=0)[:, columns]
    np.testing.assert_allclose(image[good], expected[good], rtol=1e-4, atol=0.1)
    assert np.isfinite(image).all()
