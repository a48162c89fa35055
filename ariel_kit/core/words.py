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
    """Escape the bytes of a path that are not UTF-8, so that any file can hold it.

    >>> readable(Path("data"))
    'data'
    """
    return str(text).encode(errors="backslashreplace").decode()
