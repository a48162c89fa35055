"""Planets that several benchmarks measure."""

from __future__ import annotations

import pytest

from tests.support.scored_planets import GROUPS, PER_GROUP, SEED, Measured, measure


@pytest.fixture(scope="session")
def measured() -> Measured:
    """The test planets after calibration; development never sees them."""
    return measure(GROUPS, per_group=PER_GROUP, seed=SEED)
