"""The README's numbers are written by the benchmarks that measure them, never typed.

A place for a number, a sentence or a table stands in the README between ``<!-- name: begin -->``
and ``<!-- name: end -->``. A benchmark fills it where the environment variable
ARIEL_KIT_WRITE_RESULTS is set; otherwise the result is printed alone.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

WRITE = "ARIEL_KIT_WRITE_RESULTS"
README = Path(__file__).parents[2] / "README.md"
MARKER = re.compile(r"<!-- (\w+): (begin|end) -->")


def write_results(name: str, text: str) -> None:
    """Print a result and, where the environment asks for it, put it into its place.

    Raises
    ------
    LookupError
        If the README has no place of this name.
    """
    print(f"\n{name}: {text}")
    if os.environ.get(WRITE):
        README.write_text(filled(README.read_text(encoding="utf-8"), name, text), encoding="utf-8")


def filled(page: str, name: str, text: str) -> str:
    """Give the page with `text` between the markers of `name`; a table gets lines of its own."""
    begin, end = (f"<!-- {name}: {edge} -->" for edge in ("begin", "end"))
    before, opened, rest = page.partition(begin)
    _, closed, after = rest.partition(end)
    if not (opened and closed):
        raise LookupError(f"the page has no place for {name!r}: it must hold {begin} and {end}.")
    line = "\n" if "\n" in text else ""
    return f"{before}{begin}{line}{text}{line}{end}{after}"


def listed(values: Iterable[float], form: str = ".3f") -> str:
    """Write numbers as a list in a sentence.

    >>> listed([0.75, 0.72, 0.7])
    '0.750, 0.720, 0.700'
    """
    return ", ".join(format(value, form) for value in values)
