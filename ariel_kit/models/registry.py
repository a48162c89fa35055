"""Register networks by name, list them, and build one without its weights.

Names work as in timm: an entry function under `register_model` gives a network its name. Nothing
else is needed: the decorator is found in the source files of the package, and the module of a
network is imported only when the network is built. Another package adds its networks through entry
points.

Every registered network is a ``torch.nn.Module`` with

- ``config``: the keyword arguments that build it again, as JSON has them;
- ``example_inputs(batch, generator)``: keyword tensors for ``forward``, drawn from that
  ``torch.Generator`` on its device. Whatever ``forward`` would draw by itself (a mask, say) is
  among them, so that in evaluation mode the same inputs give the same outputs;
- ``forward``: returns a tensor, or a mapping or tuple of tensors, in float32 also where autocast
  runs the rest in less: the last layer is kept out of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ariel_kit.core.errors import UnknownNameError

if TYPE_CHECKING:
    from torch import nn

Entry = TypeVar("Entry", bound=Callable[..., Any])

GROUP = "ariel_kit.models"
"""Entry points of other packages under this group add their networks, as ``name = "module"``."""

_PACKAGE = Path(__file__).parents[1]
_DECORATED = re.compile(r"^@register_model\ndef (\w+)\(", re.MULTILINE)
_entries: dict[str, Callable[..., Any]] = {}


def register_model(entry: Entry) -> Entry:
    """Let `create_model` build a network by the name of the function that makes it.

    The decorator stands right above ``def``, where `find_networks` looks for it.

    Examples
    --------
    >>> from torch import nn
    >>> @register_model
    ... def test_line(**changes):
    ...     return nn.Linear(**{"in_features": 2, "out_features": 1, **changes})
    >>> build_model("test_line", out_features=3)
    Linear(in_features=2, out_features=3, bias=True)
    >>> _ = _entries.pop("test_line")
    """
    _entries[entry.__name__] = entry
    return entry


def list_models(*, micro: bool = False) -> list[str]:
    """List the names of the networks that `create_model` builds, without importing them.

    Parameters
    ----------
    micro : bool
        Also list the micro networks, ``test_*``, that tests use.

    Examples
    --------
    >>> list_models()
    ['physnet', 'resnet1d', 'tcn_jnet', 'ti_mae']
    """
    names = sorted({*_homes(), *_entries})
    return [name for name in names if micro or not name.startswith("test_")]


def check_name(name: str) -> None:
    """Refuse the name of an unknown network.

    Raises
    ------
    UnknownNameError
        If there is no network of this name.
    """
    known = list_models(micro=name.startswith("test_"))
    if name not in known:
        raise UnknownNameError("model", name, known)


def build_model(name: str, **changes: Any) -> nn.Module:
    """Build the bare network of this name, with random weights, in training mode.

    Raises
    ------
    UnknownNameError
        If there is no network of this name, or it has no argument of that name.
    """
    entry = _entry(name)
    try:
        return entry(**changes)
    except TypeError:
        known = entry().config
        for argument in changes.keys() - known.keys():
            raise UnknownNameError(f"argument of {name}", argument, known) from None
        raise


def find_networks(folder: Path, package: str) -> dict[str, str]:
    """Find the networks that the files of a folder register, without importing any.

    Parameters
    ----------
    folder : Path
        Folder of a package; its subfolders count.
    package : str
        Name under which that package is imported.

    Returns
    -------
    dict of str to str
        Module of each network.
    """
    return {
        name: ".".join([package, *path.relative_to(folder).with_suffix("").parts])
        for path in sorted(folder.rglob("*.py"))
        for name in _DECORATED.findall(path.read_text(encoding="utf-8"))
    }


@cache
def _homes() -> dict[str, str]:
    """Find the module of every network, in this package and in those that extend it."""
    others = {point.name: point.module for point in entry_points(group=GROUP)}
    return others | find_networks(_PACKAGE, "ariel_kit")


def _entry(name: str) -> Callable[..., Any]:
    check_name(name)
    if name not in _entries:
        import_module(_homes()[name])
    return _entries[name]
