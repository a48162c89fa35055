"""Words of messages that depend on numbers."""

from __future__ import annotations

from pathlib import Path


def counted(number: int, thing: str) -> str:
    """Say how many of a thing there are.

    >>> counted(1, "planet"), counted(2, "planet")
    ('1 planet', '2 planets')
    """
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def readable(path: Path) -> str:
    """Write a path as text that any file can hold; bytes that are no UTF-8 are written out.

    >>> readable(Path("data"))
    'data'
    """
    return str(path).encode(errors="backslashreplace").decode()
