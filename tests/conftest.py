"""Fixtures shared by all rooms, and the rule which tests run by default."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest_plugins = ["tests.support.tiny_data", "tests.support.faults"]

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
ON_REQUEST = {"slow", "benchmark"}
NUMBERS = "numbers"
"""Marker of the slow tests that guard a number; ``-m numbers`` runs these alone."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip slow tests and benchmarks unless ``-m`` names a marker of theirs."""
    asked = config.getoption("-m") or ""
    for item in items:
        marked = {marker for marker in (*ON_REQUEST, NUMBERS) if marker in item.keywords}
        if ON_REQUEST & marked and not any(marker in asked for marker in marked):
            named = " or ".join(sorted(marked))
            item.add_marker(pytest.mark.skip(reason=f"on request: run with -m {named}"))


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator with a fixed seed."""
    return np.random.default_rng(20261122)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real challenge files; skips the test when it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the real challenge files are not beside this checkout")
    return SHARED_DATA


@pytest.fixture(autouse=True)
def own_logging() -> Iterator[None]:
    """Give the kit's logger back as it was: the command line takes it over."""
    logger = logging.getLogger("ariel_kit")
    handlers, level = logger.handlers[:], logger.level
    yield
    logger.handlers[:], logger.level = handlers, level
