"""Every notebook is a thin pair in step, and runs offline on planets that it simulates itself."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

jupytext = pytest.importorskip("jupytext", reason="the notebooks extra is not installed")
nbclient = pytest.importorskip("nbclient", reason="the notebooks extra is not installed")

FOLDER = Path(__file__).parents[2] / "notebooks"
NAMES = sorted(path.stem for path in FOLDER.glob("*.ipynb"))
ELSEWHERE = "05_kaggle_submission"
"""Needs a folder tree as on Kaggle; executed by the tests of the bundle."""
PICTURES = {
    "01_quickstart": 3,
    "02_calibration": 4,
    "03_jitter_and_denoising": 6,
    "04_train_and_cross_validate": 2,
    "06_uncertainty": 4,
    "07_edition_2025": 4,
    "08_for_scientists": 4,
}
SLOW = set(PICTURES) - {"02_calibration"}
"""Half a minute and more."""


def code_cells(notebook) -> list[str]:
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def test_the_notebooks_are_these():
    assert sorted(path.stem for path in FOLDER.glob("[0-9]*.py")) == NAMES
    assert sorted([*PICTURES, ELSEWHERE]) == NAMES


def test_the_readmes_pictures_are_small():
    found = {path.stem: path.stat().st_size for path in (FOLDER / "pictures").glob("*.png")}
    assert set(found) == {"white_light", "spectrum", "honesty", "report"}
    assert max(found.values()) < 150_000


@pytest.mark.parametrize("name", NAMES)
def test_a_pair_is_in_step_and_thin(name):
    text, notebook = (jupytext.read(FOLDER / f"{name}.{kind}") for kind in ("py", "ipynb"))
    assert [(c.cell_type, c.source) for c in text.cells] == [
        (c.cell_type, c.source) for c in notebook.cells
    ]
    assert notebook.cells[0].source.startswith("# ")
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None
    for source in code_cells(notebook):
        lines = [line for line in source.splitlines() if line.strip()]
        assert len(lines) <= 12
        python = "\n".join(line for line in lines if not line.startswith("%"))
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
        assert not [node for node in ast.walk(ast.parse(python)) if isinstance(node, kinds)]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name
        for name in sorted(PICTURES)
    ],
)
def test_a_notebook_runs_and_leaves_nothing_behind(name, tmp_path, monkeypatch):
    # The kernel is this Python, alone on its core, without a way to Kaggle or a shared scratch.
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    notebook = jupytext.read(FOLDER / f"{name}.ipynb")
    client = nbclient.NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    )
    client.execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert sum("image/png" in output.get("data", {}) for output in outputs) == PICTURES[name]
    printed = "".join(output.text for output in outputs if output.get("name") == "stdout")
    assert printed
    assert "nan" not in printed
    assert [path for path in tmp_path.rglob("*") if path.suffix in (".parquet", ".npz")] == []
