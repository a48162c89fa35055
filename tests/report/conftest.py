"""One finished run and its page, made once for all tests of the report."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from ariel_kit.core.config import RunSettings
from ariel_kit.pipeline import run_pipeline
from ariel_kit.report import write_report
from tests.support.report_page import Page

made: dict[str, Any] = {}


@pytest.fixture
def run(tiny, tmp_path, tmp_path_factory) -> Path:
    """The folder of a finished run, for this test alone."""
    if "run" not in made:
        made["run"] = tmp_path_factory.mktemp("run")
        run_pipeline(tiny, made["run"], settings=RunSettings(seed=4))
    return Path(shutil.copytree(made["run"], tmp_path / "run"))


@pytest.fixture
def labels(tiny) -> Path:
    return tiny / "test_labels.csv"


@pytest.fixture
def page(run, labels) -> Page:
    """The whole page, with labels and raw data; drawn once."""
    if "page" not in made:
        made["page"] = write_report(run, labels=labels).read_text(encoding="utf-8")
    return Page(made["page"])
