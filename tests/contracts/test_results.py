"""Every number of the README has one benchmark that writes it, and the README names that file."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from tests.support import results
from tests.support.results import MARKER, README, filled, listed, write_results

TESTS = Path(__file__).parents[1]
PAGE = README.read_text(encoding="utf-8")
RESULTS = "results"
"""The whole section, in which the places stand."""


def writers() -> dict[str, list[Path]]:
    """Name of a place to the test files that fill it."""
    found: dict[str, list[Path]] = {}
    for path in [*TESTS.glob("benchmarks/test_*.py"), *TESTS.glob("real/test_*.py")]:
        text = path.read_text(encoding="utf-8")
        names = re.findall(r"write_results\(\s*\"(\w+)\"", text)
        for pair in re.findall(r"for name, \w+ in \{(.*?)\}\.items\(\):\n\s+write_results", text):
            names += re.findall(r"\"(\w+)\"", pair)
        for name in names:
            found.setdefault(name, []).append(path)
    return found


def places() -> list[str]:
    return [name for name, edge in MARKER.findall(PAGE) if edge == "begin" and name != RESULTS]


def test_markers_come_in_pairs_and_each_place_once():
    marks = MARKER.findall(PAGE)
    assert set(Counter(marks).values()) == {1}
    inner = [mark for mark in marks if mark[0] != RESULTS]
    for (name, edge), (other, other_edge) in zip(inner[::2], inner[1::2], strict=True):
        assert (name, edge, other_edge) == (other, "begin", "end")


def test_each_place_is_filled_by_one_benchmark_that_the_section_names():
    section = re.search(r"<!-- results: begin -->(.*)<!-- results: end -->", PAGE, re.DOTALL)[1]
    found = writers()
    assert sorted(found) == sorted(places())
    for name, paths in found.items():
        (path,) = set(paths)
        assert path.stem in section, f"{name} is written by {path.name}, which is not named"


def test_no_line_of_prose_starts_with_a_marker_which_would_end_its_paragraph():
    for line in PAGE.splitlines():
        if line.startswith("<!-- "):
            assert MARKER.sub("", line) == ""


def test_a_sentence_and_a_table_land_between_their_markers():
    page = "a <!-- x: begin -->0.1<!-- x: end --> b\n<!-- t: begin -->\nold\n<!-- t: end -->\n"
    assert filled(page, "x", "0.2").startswith("a <!-- x: begin -->0.2<!-- x: end --> b")
    table = "| a |\n|---|\n| 1 |"
    once = filled(page, "t", table)
    assert f"<!-- t: begin -->\n{table}\n<!-- t: end -->\n" in once
    assert filled(once, "t", table) == once
    with pytest.raises(LookupError, match="no place for 'y'"):
        filled(page, "y", "0.3")


def test_the_readme_changes_only_when_it_is_asked_for(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(results, "README", tmp_path / "README.md")
    (tmp_path / "README.md").write_text("<!-- x: begin -->0.1<!-- x: end -->")
    monkeypatch.delenv(results.WRITE, raising=False)
    write_results("x", listed([0.25, 0.5]))
    assert (tmp_path / "README.md").read_text() == "<!-- x: begin -->0.1<!-- x: end -->"
    assert "x: 0.250, 0.500" in capsys.readouterr().out
    monkeypatch.setenv(results.WRITE, "1")
    write_results("x", listed([0.25, 0.5]))
    assert "begin -->0.250, 0.500<!--" in (tmp_path / "README.md").read_text()
