"""A file of settings that is no plain YAML is one short sentence, at once."""

from __future__ import annotations

import time

import pytest

import ariel_kit.pipeline  # noqa: F401  loaded before the clock runs

BOMB = "a: &a [1, 1]\n" + "".join(
    f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)

FILES = {
    "not UTF-8": (b"seed: 1 # \xe9\n", "cannot be read as YAML"),
    "UTF-16": ("seed: 1\n".encode("utf-16"), "cannot be read as YAML"),
    "zeros": (b"\x00" * 64, "cannot be read as YAML"),
    "deep lists": (b"[" * 50_000, "settings are not nested so deep"),
    "deep mappings": (b"{a: " * 5_000, "settings are not nested so deep"),
    "an anchor bomb": (BOMB.encode(), "settings have no anchors; one stands in line 1"),
    "an anchor of itself": (b"a: &x\n  b: *x\n", "settings have no anchors"),
    "a key twice": (b"seed: 1\nseed: 2\n", "the key 'seed' stands there twice, first in line 1"),
    "a key twice in a line": (b"{seed: 1, seed: 2}", "the key 'seed' stands there twice"),
    "a key twice in a group": (
        b"stages:\n  refine: true\n  jitter: true\n  refine: false\n",
        "the key 'refine' stands there twice, first in line 2",
    ),
    "an object of Python": (b"seed: !!python/object/apply:os.getcwd []\n", "could not determine"),
    "a tab": (b"stages:\n\trefine: true\n", "cannot be read as YAML"),
    "two documents": (b"seed: 1\n---\nseed: 2\n", "expected a single document"),
    "a megabyte": (b"seed: 1 " + b"#" * 10**6, "it is larger than 100000 bytes"),
    "a list": (b"- 1\n", "must hold a mapping"),
    "a word": (b"default\n", "must hold a mapping"),
    "a date that is none": (b"seed: 2024-99-99\n", "cannot be read as YAML"),
    "a number for a key": (b"1: 2\n", "1: "),
    "nothing for a group": (b"stages:\n", "stages"),
    "a value of many lines": (b"device: '" + b"cpu " * 9_000 + b"'\n", "device"),
}


@pytest.mark.parametrize("name", FILES)
def test_it_is_told_at_once_in_one_short_sentence(name, tiny, tmp_path, tell):
    content, words = FILES[name]
    path = tmp_path / "own.yaml"
    path.write_bytes(content)
    start = time.monotonic()
    told = tell("run", "--data-dir", tiny, "--output-dir", tmp_path / "out", "--config", path)
    assert time.monotonic() - start < 5
    assert (told.code, told.out) == (1, "")
    assert words in told.sentence + told.err
    assert len(told.err) < 700
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "override",
    ["seed=[", "seed=&a 1", "seed={a: 1, a: 2}", "seed=" + "[" * 9_000, "seed=" + "9" * 9_000],
    ids=lambda text: text[:12],
)
def test_an_override_that_is_no_value_is_one_short_sentence(override, tell):
    told = tell("run", "--data-dir", "x", "--output-dir", "y", "--set", override)
    assert (told.code, told.out) == (1, "")
    assert len(told.err) < 500
