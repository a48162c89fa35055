"""Every error names the rule, what was found, and what to do."""

from __future__ import annotations

import pickle

import pytest

from ariel_kit.core import errors
from ariel_kit.core.errors import ArielKitError, ShapeError, UnknownNameError, check_shape

LEAVES = {
    "ShapeError": ValueError,
    "ConfigError": ValueError,
    "DataFileError": OSError,
    "DiskError": OSError,
    "SubmissionError": ValueError,
    "UnknownNameError": KeyError,
    "WeightsError": RuntimeError,
    "FitError": RuntimeError,
    "BudgetError": MemoryError,
}


@pytest.mark.parametrize("name", LEAVES)
def test_old_except_clauses_keep_working(name):
    leaf = getattr(errors, name)
    assert issubclass(leaf, ArielKitError)
    assert issubclass(leaf, LEAVES[name])


def test_every_error_of_the_module_is_listed_here():
    found = {
        name
        for name, thing in vars(errors).items()
        if isinstance(thing, type) and issubclass(thing, ArielKitError)
    }
    assert found == {"ArielKitError", *LEAVES}


def test_an_unknown_name_suggests_the_nearest():
    error = UnknownNameError("split", "tset", ["train", "test"])
    assert str(error) == "Unknown split 'tset'. Did you mean 'test'? Known: test, train."
    far = UnknownNameError("split", "xyzzy", ["train", "test"])
    assert str(far) == "Unknown split 'xyzzy'. Known: test, train."
    many = UnknownNameError("planet", "x", [f"p{i:04}" for i in range(1100)])
    assert str(many).endswith(", p0018, p0019 and 1080 more.")


def test_an_unknown_name_survives_the_way_back_from_a_worker():
    error = UnknownNameError("split", "tset", ["train", "test"])
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_shapes_are_checked_axis_by_axis():
    check_shape("dark", (3, 4), {"y": 3, "x": None})
    with pytest.raises(ShapeError, match=r"dark must have 2 axes \(y, x\); got shape \(3,\)"):
        check_shape("dark", (3,), {"y": 3, "x": 4})
    with pytest.raises(ShapeError, match=r"3 along 'y' \(axis 0\); got 5 \(shape \(5, 4\)\)"):
        check_shape("dark", (5, 4), {"y": 3, "x": 4})
