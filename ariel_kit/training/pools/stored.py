"""Keep pools of planets as files; another revision of the kit makes them again."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from pickle import UnpicklingError
from typing import TypeVar
from zipfile import BadZipFile

from ariel_kit.core.cache import atomic_path
from ariel_kit.core.revisions import Part, revision_tag

log = logging.getLogger(__name__)

Planets = TypeVar("Planets")

UNREADABLE = (
    OSError,
    ValueError,
    RuntimeError,
    EOFError,
    LookupError,
    TypeError,
    UnpicklingError,
    BadZipFile,
)
"""Errors that reading a damaged file of torch or numpy may raise."""
SIMULATED: tuple[Part, ...] = ("fit", "pools", "simulation")
"""What makes a pool of simulated planets."""
OBSERVED: tuple[Part, ...] = ("calibration", *SIMULATED)
"""What makes a pool of observed planets; the simulator draws spectra for the prior of their fit."""


def chunk_names(chunks: int, *, seed: int) -> list[str]:
    """Give the file names of simulated chunks, which contain the revisions of the kit.

    Examples
    --------
    >>> [name[:9] for name in chunk_names(2, seed=7)]
    ['7-000-fit', '7-001-fit']
    """
    tag = revision_tag(*SIMULATED)
    return [f"{seed}-{number:03d}-{tag}" for number in range(chunks)]


def fetch_pool(
    path: Path,
    make: Callable[[], Planets],
    *,
    write: Callable[[Planets, Path], None],
    read: Callable[[Path], Planets],
) -> Planets:
    """Read the planets in a file, which are made and written if it is missing or damaged.

    Parameters
    ----------
    path : Path
    make : callable
        Makes the planets; called only when it is needed.
    write, read : callable
        Write planets to a path, and read them back.
    """
    if path.is_file():
        try:
            return read(path)
        except UNREADABLE as damage:
            log.warning("%s is damaged and made anew: %s", path, damage)
    planets = make()
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as unfinished:
        write(planets, unfinished)
    return read(path)
