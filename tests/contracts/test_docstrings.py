"""Every public thing says what it does; what it says about parameters is true."""

from __future__ import annotations

import ast
import doctest
import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

import ariel_kit
from ariel_kit.core import errors

PACKAGE = Path(ariel_kit.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
Function = ast.FunctionDef | ast.AsyncFunctionDef
SECTION = re.compile(r"^(\w[\w ]*)\n-{3,}$", re.MULTILINE)


def public(node: ast.AST) -> bool:
    return not node.name.startswith("_")


def things(tree: ast.Module) -> Iterator[tuple[str, Function | ast.ClassDef]]:
    """Public functions, classes, and the public methods of those classes."""
    for node in tree.body:
        if not isinstance(node, Function | ast.ClassDef) or not public(node):
            continue
        yield node.name, node
        if isinstance(node, ast.ClassDef):
            for method in node.body:
                if isinstance(method, Function) and public(method):
                    yield f"{node.name}.{method.name}", method


def sections(doc: str) -> dict[str, str]:
    """The numpydoc sections of a docstring by title."""
    parts = SECTION.split(doc)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def entries(section: str) -> list[tuple[list[str], str]]:
    """The ``name, name : type`` lines of a section."""
    lines = [line for line in section.splitlines() if line and not line.startswith(" ")]
    pairs = [line.partition(" : ") for line in lines]
    return [([n.strip().lstrip("*") for n in names.split(",")], kind) for names, _, kind in pairs]


def arguments(node: Function) -> set[str]:
    spec = node.args
    found = {a.arg for a in (*spec.posonlyargs, *spec.args, *spec.kwonlyargs)}
    found |= {a.arg for a in (spec.vararg, spec.kwarg) if a}
    return found - {"self", "cls"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_docstrings_are_there_and_true(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), "the module has no docstring"
    faults = []
    for name, node in things(tree):
        doc = ast.get_docstring(node)
        if not doc:
            faults.append(f"{name} has no docstring")
            continue
        if not doc.splitlines()[0].endswith((".", ":", "?")):
            faults.append(f"{name}: the first line is not a sentence on one line")
        faults += [f"{name}: {fault}" for fault in section_faults(node, sections(doc))]
    assert faults == []


def section_faults(node: ast.AST, found: dict[str, str]) -> Iterator[str]:
    for title in ("Parameters", "Returns", "Attributes"):
        for names, kind in entries(found.get(title, "")):
            text = kind or " ".join(names)
            if "ndarray" in text and "[shape=" not in text:
                yield f"{', '.join(names)} is an array without [shape=...]"
    if isinstance(node, Function) and "Parameters" in found:
        described = {name for names, _ in entries(found["Parameters"]) for name in names}
        if strangers := described - arguments(node):
            yield f"describes {sorted(strangers)}, which it does not take"
    for names, _ in entries(found.get("Raises", "")):
        for name in names:
            if not isinstance(getattr(errors, name, None), type):
                yield f"raises {name}, which is not in ariel_kit.core.errors"


def test_the_check_sees_what_it_should():
    code = '''
def f(a, b):
    """Do something.

    Parameters
    ----------
    a : ndarray
    c : int

    Raises
    ------
    OddError
    """
'''
    node = ast.parse(code).body[0]
    faults = list(section_faults(node, sections(ast.get_docstring(node))))
    assert len(faults) == 3


@pytest.mark.parametrize("name", [n for n in ariel_kit.__all__ if n != "__version__"])
def test_every_public_name_has_an_example_that_runs(name):
    thing = getattr(ariel_kit, name)
    examples = sections(inspect.getdoc(thing)).get("Examples", "")
    calls = doctest.DocTestParser().get_examples(examples)
    assert any(call.want for call in calls), f"{name} shows no result"
    used = re.compile(rf"\b{name}\b", re.IGNORECASE)  # of a class, perhaps only an instance
    assert any(used.search(call.source) for call in calls), f"{name} is not used"
    found = doctest.DocTestFinder(recurse=False).find(thing, module=import_module(thing.__module__))
    assert [len(test.examples) for test in found] == [len(calls)]  # so pytest collects them
