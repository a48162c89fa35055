"""Products are atomic, checksummed, and remade exactly when they have to be."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ariel_kit.core import cache as cache_module
from ariel_kit.core.cache import (
    Cache,
    Mapped,
    StoredSequence,
    atomic_path,
    check_product,
    file_sha256,
    fingerprint,
)
from ariel_kit.core.config import CalibrationSettings
from ariel_kit.core.errors import DataFileError, DiskError
from ariel_kit.core.instruments import wavelengths
from ariel_kit.core.revisions import REVISIONS
from ariel_kit.core.spectrum import Spectrum

SPECTRUM = Spectrum(
    7, wavelengths(), np.linspace(1e-3, 2e-3, 283), np.full(283, 1e-5), provenance={"fit": {"a": 1}}
)


class Maker:
    """Makes the spectrum and counts how often it had to."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> Spectrum:
        self.calls += 1
        return SPECTRUM


@pytest.fixture
def raw(tmp_path) -> Path:
    path = tmp_path / "raw.parquet"
    path.write_bytes(b"frames")
    return path


@pytest.fixture
def cache(tmp_path) -> Cache[Spectrum]:
    return Cache(tmp_path / "products", CalibrationSettings(), Spectrum, ("calibration",))


def test_a_product_is_made_once_and_comes_back_bit_equal(cache, raw):
    make = Maker()
    first = cache.fetch("7", [raw], make)
    second = cache.fetch("7", [raw], make)
    assert make.calls == 1
    assert first is SPECTRUM
    np.testing.assert_array_equal(second.mean, SPECTRUM.mean)
    assert second.provenance == SPECTRUM.provenance
    assert sorted(p.suffix for p in cache.path("7").parent.iterdir()) == [".json", ".npz"]


def test_other_settings_have_other_products(cache, raw):
    make = Maker()
    cache.fetch("7", [raw], make)
    replace(cache, settings=CalibrationSettings(bad_pixels="row")).fetch("7", [raw], make)
    assert make.calls == 2
    cache.fetch("7", [raw], make)
    assert make.calls == 2


def test_a_changed_input_or_kit_remakes_the_product(cache, raw, monkeypatch):
    make = Maker()
    cache.fetch("7", [raw], make)
    raw.write_bytes(b"other frames")
    cache.fetch("7", [raw], make)
    assert make.calls == 2
    os.utime(raw, ns=(1, 1))
    cache.fetch("7", [raw], make)
    assert make.calls == 3
    monkeypatch.setattr(cache_module, "version", lambda name: "99")
    cache.fetch("7", [raw], make)
    assert make.calls == 4


def test_another_revision_of_what_makes_a_product_remakes_it(cache, raw, monkeypatch, caplog):
    make = Maker()
    cache.fetch("7", [raw], make)
    monkeypatch.setitem(REVISIONS, "fit", 99)  # takes no part in this product
    cache.fetch("7", [raw], make)
    check_product(cache.path("7"))
    assert make.calls == 1
    monkeypatch.setitem(REVISIONS, "calibration", 99)
    with pytest.raises(
        DataFileError, match=r"calibration \d+, which is 99 today: calibrate it again"
    ):
        check_product(cache.path("7"))
    with caplog.at_level("INFO", "ariel_kit"):
        cache.fetch("7", [raw], make)
    assert make.calls == 2
    assert "by another revision; made anew" in caplog.text
    check_product(cache.path("7"))


def test_a_stored_product_that_states_no_revision_is_refused(cache, raw):
    cache.fetch("7", [raw], Maker())
    sidecar = cache.path("7").with_suffix(".json")
    sidecar.write_text('{"origin": {"version": "0.0"}}')
    with pytest.raises(DataFileError, match="states no revision"):
        check_product(cache.path("7"))
    sidecar.unlink()
    check_product(cache.path("7"))


def test_folders_count_file_by_file_and_missing_inputs_count_too(cache, tmp_path):
    make = Maker()
    folder = tmp_path / "calibration"
    cache.fetch("7", [folder], make)
    folder.mkdir()
    (folder / "dark.parquet").write_bytes(b"dark")
    cache.fetch("7", [folder], make)
    (folder / "flat.parquet").write_bytes(b"flat")
    cache.fetch("7", [folder], make)
    cache.fetch("7", [folder], make)
    assert make.calls == 3


@pytest.mark.parametrize("damage", ["flip", "truncate", "no manifest", "broken manifest"])
def test_a_damaged_product_is_named_removed_and_made_anew(cache, raw, damage, caplog):
    make = Maker()
    cache.fetch("7", [raw], make)
    path = cache.path("7")
    data = bytearray(path.read_bytes())
    if damage == "flip":
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    elif damage == "truncate":
        path.write_bytes(data[:100])
    elif damage == "no manifest":
        path.with_suffix(".json").unlink()
    else:
        path.with_suffix(".json").write_text("{")
    again = cache.fetch("7", [raw], make)
    assert make.calls == 2
    assert "damaged product removed" in caplog.text
    if damage in ("flip", "truncate"):
        assert str(path) in caplog.text
    np.testing.assert_array_equal(again.sigma, SPECTRUM.sigma)
    cache.fetch("7", [raw], make)
    assert make.calls == 2


def test_a_sound_product_of_another_planet_is_not_taken_for_its_own(cache, raw, caplog):
    make = Maker()
    cache.fetch("7", [raw], make)
    replace(SPECTRUM, planet_id=8, sigma=2 * SPECTRUM.sigma).save(cache.path("7"))
    again = cache.fetch("7", [raw], make)
    assert make.calls == 2
    assert "does not have the checksum" in caplog.text
    np.testing.assert_array_equal(again.sigma, SPECTRUM.sigma)


def test_an_error_while_making_leaves_nothing(cache, raw):
    def give_up():
        raise DataFileError("no such frames")

    with pytest.raises(DataFileError, match="no such frames"):
        cache.fetch("7", [raw], give_up)
    assert not cache.path("7").exists()


def test_a_crash_while_saving_leaves_no_half_file(cache, raw, monkeypatch):
    def half(self, path):
        Path(path).write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(Spectrum, "save", half)
    with pytest.raises(KeyboardInterrupt):
        cache.fetch("7", [raw], Maker())
    assert list(cache.path("7").parent.iterdir()) == []


def test_atomic_path_replaces_only_on_success(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError), atomic_path(path) as unfinished:
        unfinished.write_text("new \N{GREEK SMALL LETTER MU}", encoding="ascii")
    assert path.read_text() == "old"
    with atomic_path(path) as unfinished:
        unfinished.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_stored_sequence_reads_like_a_list(tmp_path):
    paths = []
    for planet in (5, 6, 7):
        paths.append(tmp_path / f"{planet}.npz")
        replace(SPECTRUM, planet_id=planet).save(paths[-1])
    stored = StoredSequence(Spectrum, paths)
    assert len(stored) == 3
    assert [spectrum.planet_id for spectrum in stored] == [5, 6, 7]
    assert [spectrum.planet_id for spectrum in stored[1:]] == [6, 7]
    assert stored[-1].planet_id == 7


def test_sha256_is_the_standard_one(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert file_sha256(tmp_path / "abc") == expected


def test_a_damaged_product_is_gone_even_when_it_cannot_be_made_anew(cache, raw):
    def give_up():
        raise DataFileError("no such frames")

    cache.fetch("7", [raw], Maker())
    cache.path("7").write_bytes(b"damaged")
    with pytest.raises(DataFileError, match="no such frames"):
        cache.fetch("7", [raw], give_up)
    assert list(cache.path("7").parent.iterdir()) == []


def test_an_error_of_the_kit_keeps_its_own_words(tmp_path):
    error = DiskError("the disk of the products is full.")
    with pytest.raises(DiskError) as told, atomic_path(tmp_path / "table.csv"):
        raise error
    assert told.value is error


def test_a_function_of_a_sequence_reads_like_a_list_and_works_when_asked():
    asked = []

    def square(number):
        asked.append(number)
        return number**2

    squares = Mapped(square, [1, 2, 3, 4])
    assert (len(squares), asked) == (4, [])
    assert squares[-1] == 16
    assert asked == [4]
    assert list(squares[1:3]) == [4, 9]
    assert list(squares.take([3, 0])) == [16, 1]


def test_a_fingerprint_is_12_digits_of_the_inputs_and_revisions(raw, monkeypatch):
    first = fingerprint([raw], ["fit"])
    assert len(first) == 12
    assert int(first, 16) >= 0
    monkeypatch.setitem(REVISIONS, "fit", 99)
    second = fingerprint([raw], ["fit"])
    raw.write_bytes(b"more frames")
    assert len({first, second, fingerprint([raw], ["fit"])}) == 3
