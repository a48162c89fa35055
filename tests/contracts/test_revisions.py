"""A revision stands for numbers: where they change, it has to be raised."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ariel_kit.core.revisions import REVISIONS, current_revisions, describe_change, revision_tag
from tests.support.revision_numbers import NUMBERS, RECORD

ANEW = "then write down the new numbers with `python -m tests.support.revision_numbers`"


@pytest.mark.parametrize("part", list(REVISIONS))
def test_the_numbers_of_a_revision_are_those_that_were_written_down(part):
    parts, measure = NUMBERS[part]
    written = json.loads(RECORD.read_text(encoding="utf-8"))[part]
    told = f"the numbers of {part} are those of {written['revisions']}: {ANEW}"
    assert written["revisions"] == revision_tag(*parts), told
    # Far above what another numpy, torch or processor changes, far below what a network notices.
    same = np.allclose(measure(), written["numbers"], rtol=1e-4, atol=1e-9)
    assert same, f"{part} gives other numbers: raise REVISIONS[{part!r}], {ANEW}"


def test_every_part_has_a_revision_and_a_whole_number():
    assert set(NUMBERS) == set(REVISIONS)
    assert all(isinstance(number, int) and number >= 1 for number in REVISIONS.values())


def test_a_change_names_what_changed_and_nothing_else(monkeypatch):
    stated = current_revisions("fit", "simulation")
    assert describe_change(stated) is None
    monkeypatch.setitem(REVISIONS, "fit", 99)
    assert describe_change(stated) == f"fit {stated['fit']}, which is 99 today"
    assert describe_change({"colour": 1}) == "colour 1, which is unknown today"
