"""The two values of the line: frozen, checked, and the same after a trip to disk."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest

from ariel_kit.core.errors import DataFileError, ShapeError
from ariel_kit.core.instruments import AIRS, FGS1, wavelengths
from ariel_kit.core.observation import LightCurves, Observation
from ariel_kit.core.spectrum import Spectrum


@pytest.fixture
def observation(rng) -> Observation:
    n, m = 100, 1200
    return Observation(
        planet_id=42,
        airs=rng.normal(1e4, 100, (n, 282)).astype(np.float32),
        airs_time=AIRS.pair_times(n),
        fgs1=rng.normal(2e5, 500, m).astype(np.float32),
        fgs1_time=FGS1.pair_times(m),
        pointing=np.zeros((m, 2), np.float32),
        pointing_noise=np.full(2, 0.002),
        airs_noise=np.full(282, 100.0, np.float32),
        fgs1_noise=500.0,
        row_moments=np.zeros((n, 2), np.float32),
        bad_fraction=np.zeros(282, np.float32),
        edition=2024,
        star=1,
        provenance={"calibration": {"bad_pixels": 3}},
    )


def test_values_are_read_only(observation):
    with pytest.raises(FrozenInstanceError):
        observation.star = 2
    with pytest.raises(ValueError, match="read-only"):
        observation.airs[0, 0] = 1.0


@pytest.mark.parametrize("name", ["airs", "fgs1_time", "pointing", "airs_noise", "bad_fraction"])
def test_shapes_that_do_not_fit_are_refused(observation, name):
    arrays = observation.to_arrays()
    arrays[name] = arrays[name][:-1]
    with pytest.raises(ShapeError, match="must have"):
        Observation.from_arrays(arrays)


def test_the_way_to_disk_and_back_loses_nothing(observation, tmp_path):
    observation.save(tmp_path / "42.npz")
    again = Observation.load(tmp_path / "42.npz")
    for name, array in observation.to_arrays().items():
        np.testing.assert_array_equal(again.to_arrays()[name], array)
        assert again.to_arrays()[name].dtype == array.dtype
    assert again.provenance == observation.provenance
    assert (again.star, again.edition, again.fgs1_noise) == (1, 2024, 500.0)


def test_the_facts_of_a_saved_value_are_read_without_its_arrays(observation, tmp_path):
    path = tmp_path / "42.npz"
    observation.save(path)
    meta = Observation.load_meta(path)
    assert meta["star"] == 1
    assert meta["provenance"] == {"calibration": {"bad_pixels": 3}}
    assert "airs" not in meta
    path.write_bytes(b"PK")
    with pytest.raises(DataFileError, match="not a readable Observation"):
        Observation.load_meta(path)


def test_saving_twice_gives_the_same_bytes(observation, tmp_path):
    for name in ("a.npz", "b.npz"):
        observation.save(tmp_path / name)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "text", "another value"])
def test_damaged_files_are_named(observation, tmp_path, damage):
    path = tmp_path / "42.npz"
    observation.save(path)
    data = path.read_bytes()
    if damage == "missing":
        path.unlink()
    elif damage == "another value":
        Spectrum(1, wavelengths(), np.ones(283), np.ones(283)).save(path)
    else:
        path.write_bytes({"empty": b"", "cut": data[: len(data) // 2], "text": b"hello"}[damage])
    with pytest.raises(DataFileError, match=r"42\.npz is not a readable Observation"):
        Observation.load(path)


def test_a_step_is_recorded_without_touching_the_original(observation):
    after = observation.with_step("jitter", {"model": "psf"}, fgs1_noise=400.0)
    assert after.provenance == {**observation.provenance, "jitter": {"model": "psf"}}
    assert (after.fgs1_noise, observation.fgs1_noise) == (400.0, 500.0)
    assert "jitter" not in observation.provenance


def test_binning_is_the_mean_and_its_noise_falls_with_the_root(observation):
    airs, fgs1 = observation.binned(48.0)  # 10 AIRS pairs, 120 FGS1 pairs
    assert (airs.flux.shape, fgs1.flux.shape) == ((10, 282), (10, 1))
    blocks = observation.airs.astype(np.float64).reshape(10, 10, 282)
    np.testing.assert_allclose(airs.flux, blocks.mean(axis=1), rtol=1e-12)
    np.testing.assert_allclose(airs.time, observation.airs_time.reshape(10, 10).mean(axis=1))
    np.testing.assert_allclose(airs.noise, 100 / np.sqrt(10))
    np.testing.assert_allclose(fgs1.noise, 500 / np.sqrt(120))
    np.testing.assert_allclose(airs.span, 48 / 3600)


def test_the_last_short_bin_is_kept_with_its_own_length_and_noise(observation):
    airs, _ = observation.binned(144.0)  # 30 pairs: 3 bins and a third
    assert len(airs.time) == 4
    np.testing.assert_allclose(airs.span[-1], 10 * 4.8 / 3600)
    np.testing.assert_allclose(airs.noise[-1], 100 / np.sqrt(10))
    np.testing.assert_allclose(airs.flux[-1], observation.airs[90:].astype(float).mean(axis=0))
    total = (airs.flux * airs.span[:, None]).sum(axis=0)
    expected = observation.airs.astype(float).sum(axis=0) * 4.8 / 3600
    np.testing.assert_allclose(total, expected, rtol=1e-10)


def test_light_curves_and_spectra_check_their_shapes():
    with pytest.raises(ShapeError, match="noise must have 2 along 'wavelength'"):
        LightCurves(np.zeros(3), np.ones(3), np.ones((3, 2)), np.ones((3, 1)))
    with pytest.raises(ShapeError, match="sigma must have 283 along 'wavelength'"):
        Spectrum(1, wavelengths(), np.ones(283), np.ones(282))
    with pytest.raises(ShapeError, match="covariance must have 283"):
        Spectrum(1, wavelengths(), np.ones(283), np.ones(283), covariance=np.ones((2, 283)))


@pytest.mark.parametrize("n_dark", [10, 15, 20, 30, 45, 75])
def test_a_gap_costs_the_bins_it_fills_and_bends_none(n_dark, observation):
    """The frames that are left of a bin stand for it, be they few."""
    time = (np.arange(300) + 0.5) * 4.8 / 3600
    level = np.linspace(1000.0, 1010.0, 300, dtype=np.float32)
    seen = replace(
        observation,
        airs=np.repeat(level[:, None], 282, axis=1),
        airs_time=time,
        row_moments=np.zeros((300, 2), np.float32),
        airs_noise=np.full(282, 5.0, np.float32),
    )
    airs = seen.airs.copy()
    airs[60 : 60 + n_dark] = 0.0
    whole, holed = seen.binned(144.0)[0], replace(seen, airs=airs).binned(144.0)[0]
    assert np.isinf(holed.noise).all(axis=1).sum() == n_dark // 30
    assert holed.flux == pytest.approx(whole.flux, rel=1e-3)
