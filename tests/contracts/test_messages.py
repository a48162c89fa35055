"""What goes wrong is said in sentences, by the kit's own errors; nothing is swallowed."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator
from pathlib import Path

import pytest

import ariel_kit
from ariel_kit.core import errors

PACKAGE = Path(ariel_kit.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
KIT_ERRORS = {
    name
    for name, thing in vars(errors).items()
    if isinstance(thing, type) and issubclass(thing, errors.ArielKitError)
}
# AttributeError is what a module's __getattr__ owes; the parser reports its own way.
ALSO_FINE = {
    "ariel_kit/__init__.py": {"AttributeError"},
    "ariel_kit/spectral_extraction/__init__.py": {"AttributeError"},
    "ariel_kit/cli/options.py": {"typer.BadParameter"},
}

CATCHES_ALL = {
    "cli/__init__.py": 1,  # a fault of the kit is told, with what to report
    "core/pool.py": 1,  # an error that nobody foresaw is its planet's failure
    "run/line.py": 1,  # the visits that break the line are found, the others go on
}
"""How many times a module may catch every exception, where more than one planet is at stake."""


def raised(tree: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            yield node.exc


def last_words(node: ast.expr) -> str | None:
    """The end of a message as far as it is written out."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return last_words(node.values[-1])
    return None


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_modules_raise_kit_errors_with_whole_sentences(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    fine = KIT_ERRORS | ALSO_FINE.get(str(path.relative_to(PACKAGE.parent)), set())
    faults = []
    for call in raised(tree):
        name = ast.unparse(call.func)
        if name not in fine:
            faults.append(f"line {call.lineno} raises {name}")
        words = last_words(call.args[0]) if call.args else None
        if words is not None and len(call.args) == 1 and not words.endswith((".", ":", "?")):
            faults.append(f"line {call.lineno}: the message is not a sentence: ...{words[-30:]!r}")
    assert faults == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_modules_neither_assert_nor_print_nor_swallow(path):
    faults, caught_all = [], 0
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        where = f"line {getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.Assert):
            faults.append(f"{where}: assert")
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("print", "eval", "exec"):
            faults.append(f"{where}: {ast.unparse(node.func)}")
        if isinstance(node, ast.ExceptHandler):
            caught = ast.unparse(node.type) if node.type else ""
            caught_all += caught == "Exception"
            if caught in ("", "BaseException"):
                faults.append(f"{where}: except {caught}")
    assert faults == []
    assert caught_all == CATCHES_ALL.get(path.relative_to(PACKAGE).as_posix(), 0)


def test_every_kit_error_also_is_a_builtin():
    for name in KIT_ERRORS - {"ArielKitError"}:
        bases = {base.__name__ for base in getattr(errors, name).__mro__}
        assert bases & (set(dir(builtins)) - {"Exception", "BaseException", "object"})
