"""Words of messages that depend on numbers."""

from __future__ import annotations

from pathlib import Path


def counted(number: int, thing: str) -> str:
    """Say how many of a thing there are.

    >>> counted(1, "planet"), counted(2, "planet")
    ('1 planet', '2 planets')
    """
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def readable(text: str | Path) -> str:
    """Make a path, or a text that names one, fit for any file; other bytes are written out.

    >>> readable(Path("data"))
    'data'
    """
    return str(text).encode(errors="backslashreplace").decode()
