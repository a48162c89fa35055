"""Words of messages that depend on numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def counted(number: int, thing: str) -> str:
    """Say how many of a thing there are.

    >>> counted(1, "planet"), counted(2, "planet")
    ('1 planet', '2 planets')
    """
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def listed(things: Sequence[object], most: int = 3) -> str:
    """List the first things, and say how many more there are.

    >>> listed([7]), listed([7, 8, 9]), listed(range(9))
    ('7', '7, 8, 9', '0, 1, 2 and 6 more')
    """
    more = f" and {len(things) - most} more" if len(things) > most else ""
    return ", ".join(map(str, things[:most])) + more


def readable(text: str | Path) -> str:
    """Escape the bytes of a path that are not UTF-8, so that any file can hold it.

    >>> readable(Path("data"))
    'data'
    """
    return str(text).encode(errors="backslashreplace").decode()
