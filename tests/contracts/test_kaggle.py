"""What Kaggle gets fits its image: dependencies, and the one notebook that lies in two places."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import ariel_kit
from ariel_kit.cli.bundle import NOTEBOOK

ROOT = Path(ariel_kit.__file__).parents[1]
TESTS = Path(__file__).parents[1]
NAME = "05_kaggle_submission"
IMAGE = TESTS / "data" / "kaggle_image.txt"


def numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part != "*"]


@pytest.fixture(scope="module")
def image() -> dict[str, list[int]]:
    """Version of each package of the image as far as it is known."""
    lines = IMAGE.read_text(encoding="utf-8").splitlines()
    pins = [line.partition("==") for line in lines if line and not line.startswith("#")]
    return {name.lower(): numbers(version) if version else [] for name, _, version in pins}


@pytest.fixture(scope="module")
def bounds() -> dict[str, list[int]]:
    """Lower bound of each runtime dependency."""
    project = tomllib.loads((TESTS.parent / "pyproject.toml").read_text(encoding="utf-8"))
    found = [
        re.fullmatch(r"([\w-]+)>=([\d.]+)", line) for line in project["project"]["dependencies"]
    ]
    assert all(found), "a dependency is a name with a lower bound and nothing else"
    return {match[1].lower(): numbers(match[2]) for match in found}


def test_every_dependency_is_in_the_image_at_a_version_no_older_than_its_bound(image, bounds):
    assert len(bounds) > 10
    assert set(bounds) - set(image) == set()
    too_new = [name for name, bound in bounds.items() if image[name] and bound > image[name]]
    assert too_new == []


def test_the_bundled_notebook_is_the_one_in_notebooks():
    own = TESTS.parent / "notebooks" / f"{NAME}.ipynb"
    shipped = Path(ariel_kit.__file__).parent / "templates" / NOTEBOOK
    assert own.read_bytes() == shipped.read_bytes()


def test_the_pair_is_in_step_and_thin():
    jupytext = pytest.importorskip("jupytext", reason="the notebooks extra is not installed")
    folder = TESTS.parent / "notebooks"
    text, notebook = (jupytext.read(folder / f"{NAME}.{kind}") for kind in ("py", "ipynb"))
    assert [cell.source for cell in text.cells] == [cell.source for cell in notebook.cells]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            lines = [line for line in cell.source.splitlines() if line.strip()]
            assert len(lines) <= 12
            assert not any(line.startswith(("def ", "class ")) for line in lines)
            assert cell.outputs == []
