"""A page of parquet whose bytes were changed makes polars panic: its planet fails alone."""

from __future__ import annotations

import polars as pl
import pytest

from ariel_kit.core.config import CalibrationSettings
from ariel_kit.core.errors import DataFileError
from ariel_kit.core.pool import open_pool
from ariel_kit.data.calibration_maps import _read_map
from ariel_kit.data.dataset import open_dataset
from ariel_kit.data.tables import read_csv
from ariel_kit.run.products import calibrate_planets
from tests.support.faults import replace_file

DICTIONARY_PAGE = b"\x15\x10\x15\x06\x15\x06"
"""Part of the header of a page: values by dictionary (8), levels by run length (3)."""


def damage_first_page(path):
    """Let the first page of values claim that its values are plain ones."""
    content = bytearray(path.read_bytes())
    content[content.index(DICTIONARY_PAGE) + 1] = 0
    replace_file(path, content)


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.usefixtures("for_real")
def test_a_planet_with_a_damaged_page_fails_alone(own, tmp_path, n_jobs):
    dataset = open_dataset(own)
    good, bad = dataset.planets("test")
    options = {"split": "test", "settings": CalibrationSettings()}
    (expected,), _ = calibrate_planets(dataset, [good], tmp_path / "whole", **options)
    path = own / "test" / str(bad) / "FGS1_signal.parquet"
    damage_first_page(path)
    with open_pool(n_jobs) as pool:
        products, failures = calibrate_planets(
            dataset, [bad, good], tmp_path / "out", pool=pool, **options
        )
    (failure,) = failures
    assert (failure.planet_id, failure.error) == (bad, "DataFileError")
    assert f"{path} cannot be read as parquet" in failure.reason
    assert [product.read_bytes() for product in products] == [expected.read_bytes()]


@pytest.mark.parametrize("read", ["read_parquet", "read_csv"])
def test_a_panic_of_polars_names_the_file(read, tmp_path, monkeypatch):
    def panic(*_, **__):
        raise pl.exceptions.PanicException("assertion failed: start + length <= self.bytes.len()")

    monkeypatch.setattr(pl, read, panic)
    path = tmp_path / "table"
    path.write_bytes(b"content")
    with pytest.raises(DataFileError, match=r"table cannot be read as .*: assertion failed: start"):
        read_csv(path) if read == "read_csv" else _read_map(path, (2, 2))
