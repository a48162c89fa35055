"""The regression of `tests.support.line_task`, registered where a test asks for it."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator

import pytest
import torch

from ariel_kit.models import register_model, registry
from ariel_kit.training import tasks
from ariel_kit.training.settings import TrainSettings
from tests.support.line_task import Line, LineTask


@pytest.fixture
def line(monkeypatch) -> Iterator[None]:
    """The regression as a network and as a task of the kit, for one test."""

    @register_model
    def test_line(**changes: float) -> Line:
        return Line(**changes)

    module = types.ModuleType("line_task")
    module.TaskSettings, module.make_task = TrainSettings, LineTask
    monkeypatch.setitem(sys.modules, "line_task", module)
    monkeypatch.setitem(tasks.TASKS, "test_line", "line_task")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    del registry._entries["test_line"]
