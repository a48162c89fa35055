"""Facts about the machine (place, cores, memory, versions), logging and progress."""

from __future__ import annotations

import logging
import math
import os
import platform
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from pathlib import Path
from typing import Literal, TextIO, TypeVar, get_args

import psutil
from tqdm import tqdm

from ariel_kit.core.errors import BudgetError, ConfigError, DataFileError, UnknownNameError

log = logging.getLogger(__name__)

Item = TypeVar("Item")
Place = Literal["local", "kaggle", "kaggle-rerun"]
LogLevel = Literal["debug", "info", "warning", "error"]

KAGGLE = "/kaggle"
_pinned = ContextVar("pinned", default=False)
"""Whether linear algebra uses one thread already."""
SECONDS_BETWEEN_LINES = 10.0
PACKAGES = (
    *("ariel-kit", "numpy", "scipy", "numba", "torch", "timm", "accelerate", "safetensors"),
    *("polars", "pyarrow", "pydantic"),
)


def find_place() -> Place:
    """Tell where the program runs; ``kaggle-rerun`` is the scored run on the hidden planets."""
    if os.environ.get("KAGGLE_IS_COMPETITION_RERUN"):
        return "kaggle-rerun"
    on_kaggle = "KAGGLE_KERNEL_RUN_TYPE" in os.environ or (_kaggle() / "input").is_dir()
    return "kaggle" if on_kaggle else "local"


def kaggle_folders() -> tuple[Path, Path]:
    """Find where Kaggle puts the competition's data, and where it looks for what notebooks write.

    Both lie in ``/kaggle``, or where the variable ``ARIEL_KIT_KAGGLE`` says.

    Raises
    ------
    DataFileError
        If no input folder is that of the competition.
    """
    inputs = _kaggle() / "input"
    found = [inputs.glob(f"{depth}/sample_submission.csv") for depth in ("*", "competitions/*")]
    samples = sorted(path for paths in found for path in paths)
    if not samples:
        raise DataFileError(
            f"{inputs} must hold the competition's data with its sample_submission.csv; "
            "found none. Add the competition to the inputs of the notebook."
        )
    return samples[0].parent, _kaggle() / "working"


def _kaggle() -> Path:
    return Path(os.environ.get("ARIEL_KIT_KAGGLE", KAGGLE))


def available_cores() -> int:
    """Count the cores this process may use, which can be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def resolve_jobs(n_jobs: int) -> int:
    """Work out the number of processes; -1 means one per core.

    Raises
    ------
    ConfigError
        If `n_jobs` is 0 or below -1.
    """
    if n_jobs == 0 or n_jobs < -1:
        raise ConfigError(f"n_jobs must be a positive number, or -1 for all cores; got {n_jobs}.")
    return available_cores() if n_jobs == -1 else n_jobs


def find_device(name: Literal["auto", "cpu", "cuda"]) -> str:
    """Name the device that a setting asks for; ``auto`` takes CUDA where there is one.

    Raises
    ------
    ConfigError
        If CUDA is asked for and not there.
    """
    import torch

    there = torch.cuda.is_available()
    if name == "cuda" and not there:
        raise ConfigError("device=cuda needs a GPU that torch can use; there is none. Use auto.")
    return "cuda" if there and name != "cpu" else "cpu"


@contextmanager
def torch_threads(number: int) -> Iterator[None]:
    """Let torch use this many threads within the block, and as many as before after it."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Let numpy's linear algebra use one thread within the block.

    The number of threads changes the last bits of a result.
    """
    from threadpoolctl import threadpool_limits

    if _pinned.get():  # to look for the libraries takes 20 ms
        yield
        return
    token = _pinned.set(True)
    try:
        with threadpool_limits(1, user_api="blas"):
            yield
    finally:
        _pinned.reset(token)


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch and numpy's linear algebra use one thread within the block.

    On small matrices the threads of both libraries mostly wait for each other. On a machine that is
    busy with other work, they take many times as long as a single thread.
    """
    with torch_threads(1), one_blas_thread():
        yield


def require_memory(
    needed: int,
    purpose: str,
    *,
    remedy: str = "Use fewer processes or calibration.memory=tight.",
) -> None:
    """Raise unless `needed` bytes are free.

    Raises
    ------
    BudgetError
        Saying how much was needed, and how much there is.
    """
    free = psutil.virtual_memory().available
    if needed > free:
        raise BudgetError(
            f"{purpose} needs {needed / 1e9:.1f} GB of memory; {free / 1e9:.1f} GB are free. "
            f"{remedy}"
        )


def address_space() -> float:
    """Look up the bytes of address space that this process may use; infinite without a limit."""
    try:
        import resource
    except ImportError:  # there are no limits of this kind on Windows
        return math.inf
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return math.inf if limit == resource.RLIM_INFINITY else float(limit)


def setup_logging(level: LogLevel = "info") -> None:
    """Send the kit's log to standard error; the library itself never does this.

    Raises
    ------
    UnknownNameError
        If the level is unknown.
    """
    if level not in get_args(LogLevel):
        raise UnknownNameError("log level", level, get_args(LogLevel))
    logger = logging.getLogger("ariel_kit")
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S"))
    logger.handlers[:] = [handler]
    logger.setLevel(level.upper())


def progress(
    items: Iterable[Item],
    *,
    total: int,
    description: str,
    unit: str = "planets",
    size: Callable[[Item], int] = lambda item: 1,
    quiet: bool = False,
    stream: TextIO | None = None,
) -> Iterator[Item]:
    """Pass `items` on while showing how many per second there are, and the time left.

    On a terminal that is a moving bar, elsewhere one line every ten seconds.

    Parameters
    ----------
    items : iterable
    total : int
        How many there will be.
    description : str
        What is being done.
    unit : str
        What the items are.
    size : callable
        For how many an item counts.
    quiet : bool
        Say nothing of what is done before the second line would be written.
    stream : text file, optional
        Standard error when left out.
    """
    stream = sys.stderr if stream is None else stream
    moving = stream.isatty()
    pause = 0.2 if moving else SECONDS_BETWEEN_LINES
    with tqdm(
        total=total,
        desc=description,
        unit=f" {unit}",
        mininterval=pause,
        miniters=1,
        delay=pause if quiet else 0,
        file=stream if moving else _Lines(stream),
        dynamic_ncols=moving,
        bar_format="{desc}: {n_fmt}/{total_fmt}{unit}, {rate_noinv_fmt}, {remaining} left",
    ) as bar:
        for item in items:
            yield item
            bar.update(size(item))


class _Lines:
    """Turns the carriage returns of a bar into lines of their own."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        if line := text.strip():
            self._stream.write(line + "\n")

    def flush(self) -> None:
        self._stream.flush()


class Timings(dict[str, float]):
    """Seconds per stage.

    Examples
    --------
    >>> timings = Timings()
    >>> with timings.stage("fit"):
    ...     pass
    >>> list(timings)
    ['fit']
    """

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time the block takes to the stage's total."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self[name] = self.get(name, 0.0) + time.perf_counter() - start


def versions() -> dict[str, str]:
    """List the versions of Python, the kit and what its numbers depend on; import nothing."""
    found = {"python": platform.python_version(), "platform": platform.platform()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def licences() -> dict[str, str]:
    """List the licence of each package that the kit needs, as its metadata state it.

    Returns
    -------
    dict of str to str
        Those of extras are left out: tests and notebooks alone need them.

    Examples
    --------
    >>> licences()["numba"]
    'BSD License'
    """
    needed = [text for text in requires("ariel-kit") or [] if "extra ==" not in text]
    names = [re.split(r"[^\w.-]", text, maxsplit=1)[0] for text in needed]
    return {name: _licence(name) for name in names}


def _licence(package: str) -> str:
    try:
        told = metadata(package)
    except PackageNotFoundError:
        return "not installed"
    kinds = [kind for kind in told.get_all("Classifier") or [] if kind.startswith("License")]
    classified = ", ".join(kind.rpartition(" :: ")[2] for kind in kinds)
    # The newest field first; some packages put the whole text into the oldest one.
    stated = told.get("License-Expression") or classified or told.get("License") or "not stated"
    return str(stated).partition("\n")[0]
