"""The table of the simulator's laws names existing constants and functions."""

from __future__ import annotations

from importlib import import_module

import pytest

from ariel_kit.simulation.truths import TRUTHS, Pair


def find(name: str) -> object:
    """Look up a dotted name in the package."""
    module, _, thing = f"ariel_kit.{name}".rpartition(".")
    return getattr(import_module(module), thing)


@pytest.mark.parametrize("pair", TRUTHS, ids=lambda pair: pair.idea)
def test_truth_and_belief_are_where_the_table_says(pair: Pair) -> None:
    assert find(pair.truth) is not None
    assert find(pair.belief) is not None
    assert pair.truth.startswith("simulation.")
    assert not pair.belief.startswith("simulation.")


def test_ideas_are_named_once() -> None:
    ideas = [pair.idea for pair in TRUTHS]
    assert len(set(ideas)) == len(ideas)
    assert all(pair.source for pair in TRUTHS)
