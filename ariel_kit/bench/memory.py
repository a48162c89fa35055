"""Time and peak memory of a block of code."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

PAUSE = 0.02
"""Seconds between two looks at the memory."""


@dataclass
class Cost:
    """Time on the clock and largest resident memory of a block.

    Attributes
    ----------
    seconds : float
    megabytes : float
        Of this process and of those that it started.
    """

    seconds: float = 0.0
    megabytes: float = 0.0


@contextmanager
def measured() -> Iterator[Cost]:
    """Measure the block.

    Yields
    ------
    Cost
        Filled in when the block ends.

    Examples
    --------
    >>> with measured() as cost:
    ...     _ = sum(range(1000))
    >>> cost.seconds > 0, cost.megabytes > 1
    (True, True)
    """
    cost, done = Cost(megabytes=_resident()), threading.Event()

    def look() -> None:
        while not done.wait(PAUSE):
            cost.megabytes = max(cost.megabytes, _resident())

    watch = threading.Thread(target=look, daemon=True)
    watch.start()
    start = time.perf_counter()
    try:
        yield cost
    finally:
        cost.seconds = time.perf_counter() - start
        done.set()
        watch.join()
        cost.megabytes = max(cost.megabytes, _resident())


def _resident() -> float:
    process = psutil.Process()
    total = 0
    for one in [process, *process.children(recursive=True)]:
        try:
            total += one.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total / 1e6
