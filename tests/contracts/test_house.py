"""The contracts of the house: one record of editions, values that carry data, no loose module."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import ariel_kit
from ariel_kit.core.editions import EDITIONS, get_edition
from ariel_kit.core.errors import ConfigError

PACKAGE = Path(ariel_kit.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
YEARS = {edition.year for edition in EDITIONS}
WORDS_OF_A_STEP = {"status", "reason"}


def parse(path: Path) -> ast.AST:
    return ast.parse(path.read_text(encoding="utf-8"))


def compared_years(tree: ast.AST) -> Iterator[int]:
    """Line of each place that decides something by a year."""
    for node in ast.walk(tree):
        parts = node.comparators if isinstance(node, ast.Compare) else []
        parts = node.keys if isinstance(node, ast.Dict) else parts
        if isinstance(node, ast.Compare):
            parts = [*parts, node.left]
        if any(isinstance(part, ast.Constant) and part.value in YEARS for part in parts):
            yield node.lineno


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_the_record_knows_in_what_years_differ(path):
    if path != PACKAGE / "core" / "editions.py":
        assert list(compared_years(parse(path))) == []


def test_the_search_for_years_finds_them():
    tree = ast.parse("a = x == 2024\nb = 2025 in y\nc = {2024: 1}\nd = 2024\n")
    assert list(compared_years(tree)) == [1, 2, 3]


def test_an_unknown_year_is_an_error():
    with pytest.raises(ConfigError, match=r"edition must be 2024 or 2025; got 2026\."):
        get_edition(2026)


def numbers_of_provenance(tree: ast.AST) -> Iterator[int]:
    """Line of each place that takes more than words out of a provenance."""
    fine = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Subscript)
        and isinstance(node.slice, ast.Constant)
        and node.slice.value in WORDS_OF_A_STEP
    }
    for node in ast.walk(tree):
        looked_up = isinstance(node, ast.Subscript) and is_provenance(node.value)
        if looked_up and id(node) not in fine:
            yield node.lineno


def is_provenance(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "provenance"


@pytest.mark.parametrize(
    "path",
    [path for path in MODULES if path.parent.name != "report"],  # which tells it to a reader
    ids=lambda path: str(path.relative_to(PACKAGE)),
)
def test_no_number_is_read_out_of_provenance(path):
    assert list(numbers_of_provenance(parse(path))) == []


def test_the_search_for_numbers_finds_them():
    tree = ast.parse('a.provenance["fit"]["reason"]\nb.provenance["fit"]["alpha"]\n')
    assert list(numbers_of_provenance(tree)) == [2]


def test_two_modules_and_the_rooms_stand_at_the_top():
    loose = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__"}
    assert loose <= {"pipeline", "scoring"}
    rooms = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()}
    assert len(rooms) <= 25


def test_no_test_imports_another_test():
    tests = PACKAGE.parent / "tests"
    for path in tests.rglob("*.py"):
        for node in ast.walk(parse(path)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tests"):
                assert node.module.startswith("tests.support"), path
