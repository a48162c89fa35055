"""Each module imports from lower layers only; kernels see numba, numpy and their switchboard."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import ariel_kit

PACKAGE = Path(ariel_kit.__file__).parent
ROOT = PACKAGE.parent
KERNELS = sorted(PACKAGE.rglob("kernels.py"))
SWITCHBOARD = "ariel_kit.core.accelerate"
"""The only module that knows numba's flags."""


def imported_modules(path: Path) -> set[str]:
    """Modules that a file imports, wherever the import stands."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


def jit_names(path: Path) -> set[str]:
    """Names of numba's compilers that a file speaks of."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    words = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    words |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return words & {"jit", "njit", "vectorize", "guvectorize"}


def test_the_layer_contract_is_kept():
    pytest.importorskip("importlinter", reason="import-linter is a dev extra")
    # In a process of its own: import-linter silences every logger it finds.
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_there_are_kernels_to_look_at():
    assert KERNELS


@pytest.mark.parametrize("path", KERNELS, ids=lambda path: path.parent.name)
def test_kernels_import_numba_numpy_and_the_switchboard_only(path):
    assert imported_modules(path) <= {"__future__", "math", "numba", "numpy", SWITCHBOARD}


def test_one_module_knows_the_flags_of_numba():
    known = {path for path in PACKAGE.rglob("*.py") if jit_names(path)}
    assert known == {PACKAGE / "core" / "accelerate.py"}


@pytest.mark.parametrize("path", KERNELS, ids=lambda path: path.parent.name)
def test_kernels_compile_on_first_use_and_believe_in_nan(path):
    from numba.core.dispatcher import Dispatcher

    module = import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    kernels = [thing for thing in vars(module).values() if isinstance(thing, Dispatcher)]
    assert kernels
    for kernel in kernels:
        assert kernel._can_compile, f"{kernel.__name__} must not have a signature"
        flags = kernel.targetoptions.get("fastmath", False)
        assert flags is False or not ({"fast", "nnan", "ninf"} & set(flags)), kernel.__name__


def test_files_and_functions_stay_small():
    long = []
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if text.count("\n") > 350:
            long.append(f"{path}: {text.count(chr(10))} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                doc = ast.get_docstring(node, clean=False)
                size = node.end_lineno - node.lineno + 1 - (doc.count("\n") + 1 if doc else 0)
                if size > 60:
                    long.append(f"{path}: {node.name}, {size} lines")
    assert long == []
