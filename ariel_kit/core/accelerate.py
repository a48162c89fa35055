"""Compile loops with numba: the only file that knows its flags and where compiled code is kept.

Compiled code is kept on disk, so that a machine compiles each kernel once. Numba takes the first
folder that it may write: that of the variable ``NUMBA_CACHE_DIR``, the ``__pycache__`` beside the
kernel, the user's cache. Where there is none, as in a read-only install without a home, a temporary
folder serves this process and its workers, and the log says so once. The variable
``ARIEL_KIT_KERNEL_CACHE=off`` keeps compiled code in memory only.

There is no fast-math flag: every operation is rounded as it is written, so the bits of a result do
not depend on how a kernel was compiled, cached or vectorised. Numba watches a kernel's own file for
changes and no other, so a kernel calls kernels of its own file only.
"""

from __future__ import annotations

import atexit
import logging
import os
import shutil
import tempfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

from ariel_kit.core.errors import UnknownNameError

log = logging.getLogger(__name__)

Function = TypeVar("Function", bound=Callable[..., Any])

CACHE_VARIABLE = "ARIEL_KIT_KERNEL_CACHE"
CACHE_VALUES = ("on", "off")


def kernel(function: Function) -> Function:
    """Compile a function of arrays and numbers, when it is first called.

    Parameters
    ----------
    function : callable
        Loops over arrays; it calls numpy and kernels of its own file only.

    Returns
    -------
    callable
        The compiled function; its ``py_func`` is the function itself.

    Raises
    ------
    UnknownNameError
        If ``ARIEL_KIT_KERNEL_CACHE`` is neither ``on`` nor ``off``.

    Examples
    --------
    >>> @kernel
    ... def double(values):
    ...     for i in range(len(values)):
    ...         values[i] *= 2
    >>> import numpy as np
    >>> double(values := np.arange(3.0))
    >>> values.tolist()
    [0.0, 2.0, 4.0]
    """
    return _compiled(function, parallel=False)


def parallel_kernel(function: Function) -> Function:
    """Compile as `kernel` does, with the iterations of ``numba.prange`` shared among threads.

    An iteration writes outputs that no other iteration touches, and never adds to a number that
    others add to: then any number of threads gives the same bits.

    Parameters
    ----------
    function : callable
        As for `kernel`.

    Returns
    -------
    callable
    """
    return _compiled(function, parallel=True)


def keeps_compiled_code() -> bool:
    """Tell whether compiled code is kept on disk; ``ARIEL_KIT_KERNEL_CACHE=off`` says no.

    Raises
    ------
    UnknownNameError
        If the variable is neither ``on`` nor ``off``.
    """
    value = os.environ.get(CACHE_VARIABLE, "on")
    if value not in CACHE_VALUES:
        raise UnknownNameError(f"value of the variable {CACHE_VARIABLE}", value, CACHE_VALUES)
    return value == "on"


def _compiled(function: Any, *, parallel: bool) -> Any:
    njit = _numba().njit
    # What was typed at a prompt has no file, so numba could never tell whether it has changed.
    if not (keeps_compiled_code() and Path(function.__code__.co_filename).is_file()):
        return njit(parallel=parallel)(function)
    try:
        return njit(cache=True, parallel=parallel)(function)
    except RuntimeError:  # numba found no folder that it may write
        _use_temporary_folder()
        return njit(cache=True, parallel=parallel)(function)


def _numba() -> Any:
    """Import numba on first use; only its newest releases have types."""
    return import_module("numba")


def _use_temporary_folder() -> None:
    folder = tempfile.mkdtemp(prefix="ariel_kit_kernels_")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["NUMBA_CACHE_DIR"] = folder  # for the processes that this one starts
    _numba().config.CACHE_DIR = folder
    log.warning(
        "compiled kernels need a folder that can be written; found none beside the package nor in "
        "the user's cache, so %s keeps them until this process ends. Set NUMBA_CACHE_DIR to a "
        "folder to compile them once only.",
        folder,
    )
