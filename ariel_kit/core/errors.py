"""The errors and warnings of the kit: each names the rule, what was found and what to do.

Every leaf also inherits the builtin that fits, so ``except ValueError`` keeps working.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path

LONGEST_QUOTE = 160
"""Characters of a user's value, or of another library's words, that a message repeats."""

MOST_LISTED = 20
"""Known names that a message lists."""


class ArielKitError(Exception):
    """Root of every error that the kit raises on purpose."""


class ShapeError(ArielKitError, ValueError):
    """An array does not have the shape or dtype its axis names promise."""


class ConfigError(ArielKitError, ValueError):
    """Settings that cannot be used: unknown keys, values out of range."""


class DataFileError(ArielKitError, OSError):
    """A file that is missing, damaged, or not in the layout of the challenge."""


class DiskError(DataFileError):
    """A file that cannot be written: the disk is full, or permission is missing."""


class SubmissionError(ArielKitError, ValueError):
    """A submission or solution table that the metric would refuse."""


class UnknownNameError(ArielKitError, KeyError):
    """A name that is not among the known ones."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        known = sorted(known)
        more = f" and {len(known) - MOST_LISTED} more" if len(known) > MOST_LISTED else ""
        listed = f" Known: {', '.join(known[:MOST_LISTED])}{more}." if known else ""
        self.message = f"Unknown {kind} {name!r}.{did_you_mean(name, known)}{listed}"
        super().__init__(kind, name, known)  # all three, so that a worker's error can be sent

    def __str__(self) -> str:  # KeyError would print the repr of the message
        return self.message


class WeightsError(ArielKitError, RuntimeError):
    """Weights that are missing, damaged, or do not fit the network."""


class FitError(ArielKitError, RuntimeError):
    """A fit that has no usable answer."""


class BudgetError(ArielKitError, MemoryError):
    """A step that would need more memory or time than it was given."""


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """Suggest the known name nearest to an unknown one; empty where none is near.

    >>> did_you_mean("star", ["planet", "stra"])
    " Did you mean 'stra'?"
    """
    near = get_close_matches(name, known, n=1)
    return f" Did you mean {near[0]!r}?" if near else ""


def describe_bug(error: BaseException) -> str:
    """Describe an unforeseen error and the place where it rose, in one line for a bug report.

    >>> describe_bug(ZeroDivisionError("division by zero"))
    'division by zero'
    """
    detail = shortened(str(error)) or type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "ariel_kit" in Path(frame.filename).parts]
    if not (own or frames):
        return detail
    last = (own or frames)[-1]
    return f"{detail} ({Path(last.filename).name}, line {last.lineno}, in {last.name})"


def shortened(text: str, most: int = LONGEST_QUOTE) -> str:
    """Write a quoted text as one line, and cut it where it is too long.

    >>> shortened("a   b"), shortened("0123456789", most=5)
    ('a b', '0123...')
    """
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1]}..."


def check_shape(name: str, shape: tuple[int, ...], expected: dict[str, int | None]) -> None:
    """Raise `ShapeError` unless `shape` has the named axes; None accepts any length.

    >>> check_shape("dark", (3, 5), {"y": 3, "x": 4})
    Traceback (most recent call last):
    ariel_kit.core.errors.ShapeError: dark must have 4 along 'x' (axis 1); got 5 (shape (3, 5)).
    """
    if len(shape) != len(expected):
        axes = ", ".join(expected)
        raise ShapeError(f"{name} must have {len(expected)} axes ({axes}); got shape {shape}.")
    for axis, (label, length) in enumerate(expected.items()):
        if length is not None and shape[axis] != length:
            raise ShapeError(
                f"{name} must have {length} along {label!r} (axis {axis}); "
                f"got {shape[axis]} (shape {shape})."
            )
