"""What holds for any input: metric, validator, readers of settings and of tables, kernels."""

from __future__ import annotations

import struct
from contextlib import suppress
from zipfile import ZipFile

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import norm

from ariel_kit.core.config import RunSettings, load_settings, make_settings, save_settings
from ariel_kit.core.errors import ArielKitError, ConfigError, DataFileError
from ariel_kit.core.instruments import wavelengths
from ariel_kit.core.spectrum import Spectrum
from ariel_kit.data.submission import COLUMNS, validate_submission
from ariel_kit.data.tables import are_whole_numbers, read_csv
from ariel_kit.preprocessing import kernels
from ariel_kit.scoring import score
from ariel_kit.scoring.metric import Reference

QUICK = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
ZERO = Reference(0.0025, 0.0017)
SIGMAS = hnp.arrays(np.float64, 283, elements=st.floats(1e-5, 1e-4))
ERRORS = hnp.arrays(np.float64, 283, elements=st.floats(-5.0, 5.0))


@QUICK
@given(sigma=SIGMAS, error=ERRORS, order=st.permutations(range(3)))
def test_the_2024_score_is_that_of_gaussians_and_blind_to_the_order_of_planets(sigma, error, order):
    truth = np.linspace(1e-3, 4e-3, 3)[:, None] * np.ones(283)
    mean, sigmas = truth + error * sigma, np.tile(sigma, (3, 1))
    report = score(truth, (mean, sigmas), edition=2024, reference=ZERO)
    likelihood = norm.logpdf(truth, mean, sigmas).sum()
    ideal = norm.logpdf(truth, truth, 1e-5).sum()
    naive = norm.logpdf(truth, 0.0025, 0.0017).sum()
    assert report.raw == pytest.approx((likelihood - naive) / (ideal - naive), rel=1e-9)
    assert report.score == pytest.approx(np.clip(report.raw, 0, 1))
    turned = score(truth[order], (mean[order], sigmas[order]), edition=2024, reference=ZERO)
    assert turned.raw == pytest.approx(report.raw, rel=1e-9)


CELLS = st.one_of(
    st.floats(0, 1, allow_nan=False),
    st.sampled_from([float("nan"), float("inf"), -1.0, -0.0, 1e308, None]),
)


@QUICK
@given(cell=CELLS, column=st.sampled_from(COLUMNS[1:]))
def test_the_validator_passes_a_number_of_the_metric_and_nothing_else(cell, column):
    table = pl.DataFrame({"planet_id": [7], **{name: [0.5] for name in COLUMNS[1:]}})
    table = table.with_columns(pl.Series(column, [cell], dtype=pl.Float64))
    good = cell is not None and np.isfinite(cell) and cell >= 0
    assert validate_submission(table).ok == good


@QUICK
@given(text=st.text(max_size=60))
def test_any_text_of_settings_is_read_or_refused_by_name(text, tmp_path):
    path = tmp_path / "any.yaml"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    with suppress(ConfigError):
        load_settings(RunSettings, path)


@QUICK
@given(
    hours=st.floats(1e-3, 10_000),
    seconds=st.floats(1e-3, 1800),
    seed=st.integers(0, 2**32 - 1),
    jitter=st.booleans(),
)
def test_settings_come_back_as_they_were_saved(hours, seconds, seed, jitter, tmp_path):
    values = {
        "budget": {"hours": hours},
        "extraction": {"bin_seconds": seconds},
        "seed": seed,
        "stages": {"jitter": jitter},
    }
    own = make_settings(RunSettings, values)
    save_settings(own, tmp_path / "own.yaml")
    assert load_settings(RunSettings, tmp_path / "own.yaml") == own


@QUICK
@given(content=st.binary(max_size=400))
def test_any_bytes_are_a_table_or_an_error_of_the_kit(content, tmp_path):
    path = tmp_path / "any.csv"
    path.write_bytes(content)
    with suppress(ArielKitError):
        read_csv(path)


CHANGES = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=4)


@QUICK
@given(changes=CHANGES, kept=st.floats(0, 1))
def test_a_stored_spectrum_is_read_or_refused_whatever_its_bytes(changes, kept, tmp_path):
    path = tmp_path / "7.npz"
    Spectrum(7, wavelengths(), np.full(283, 0.004), np.full(283, 3e-5)).save(path)
    content = bytearray(path.read_bytes())
    for place, byte in changes:
        content[int(place * (len(content) - 1))] = byte
    path.write_bytes(content[: int(kept * len(content))] if kept < 0.5 else content)
    with suppress(ArielKitError):
        Spectrum.load(path)


def test_a_zip_of_another_version_is_no_spectrum(tmp_path):
    """Found by changing bytes at random: the standard library calls it not implemented."""
    path = tmp_path / "7.npz"
    Spectrum(7, wavelengths(), np.full(283, 0.004), np.full(283, 3e-5)).save(path)
    content = bytearray(path.read_bytes())
    content[content.rindex(b"PK\x01\x02") + 6] = 78  # version needed to extract
    path.write_bytes(content)
    with pytest.raises(DataFileError, match=r"is not a readable Spectrum .*version 7\.8"):
        Spectrum.load(path)


def test_an_array_whose_header_does_not_end_is_no_spectrum(tmp_path):
    """Found by changing bytes at random: numpy reads headers as Python, and the lines run on."""
    path = tmp_path / "7.npz"
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (3,"
    with ZipFile(path, "w") as file:
        file.writestr("mean.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header)
    with pytest.raises(DataFileError, match="is not a readable Spectrum"):
        Spectrum.load(path)


@QUICK
@given(values=st.lists(st.one_of(st.integers(-(2**70), 2**70), st.floats()), max_size=5))
def test_ids_are_whole_numbers_of_64_bits(values):
    floats = [float(value) for value in values]
    column = pl.Series(floats, dtype=pl.Float64)
    good = all(np.isfinite(v) and v % 1 == 0 and abs(v) < 2**63 for v in floats)
    assert are_whole_numbers(column) == good
    if good:
        column.cast(pl.Int64)


@QUICK
@given(
    pairs=hnp.arrays(np.uint32, st.integers(1, 50), elements=st.integers(0, 2**32 - 1)),
    constants=hnp.arrays(np.float32, 6, elements=st.floats(-1, 1, width=32)),
)
def test_a_tile_is_the_polynomial_of_each_read(pairs, constants):
    scaled = constants * np.float32([1, 1e-5, 1e-10, 1e-15, 1e-20, 1])
    cds = np.empty(len(pairs), np.float32)
    kernels.calibrate_tile.py_func(pairs, tuple(scaled), cds)
    terms = np.append(0.0, scaled[:5].astype(float))
    even, odd = (pairs & 0xFFFF).astype(float), (pairs >> 16).astype(float)
    polynomial = np.polynomial.polynomial.polyval
    expected = polynomial(odd, terms) - polynomial(even, terms) - float(scaled[5])
    np.testing.assert_allclose(cds, expected, rtol=1e-5, atol=0.2)
