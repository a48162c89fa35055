"""The networks of the kit by name: register one, list them, build the bare network.

Names work as in timm: an entry function under `register_model` gives a network its name. The
modules that hold the networks are imported on demand.

Every registered network is a ``torch.nn.Module`` with

- ``config``: the keyword arguments that build it again, as JSON has them;
- ``example_inputs(batch, generator)``: keyword tensors for ``forward``, drawn from that
  ``torch.Generator`` on its device. Whatever ``forward`` would draw by itself (a mask, say) is
  among them, so that in evaluation mode the same inputs give the same outputs;
- ``forward``: returns a tensor, or a mapping or tuple of tensors, in float32 also where autocast
  runs the rest in less: the last layer is kept out of it.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

from ariel_kit.core.errors import UnknownNameError

if TYPE_CHECKING:
    from torch import nn

Entry = TypeVar("Entry", bound=Callable[..., Any])

MODULES = {
    "tcn_jnet": "ariel_kit.jitter_correction.tcn_jnet",
    "ti_mae": "ariel_kit.denoising.ti_mae",
    "physnet": "ariel_kit.denoising.physnet",
    "resnet1d": "ariel_kit.spectral_extraction.resnet1d",
}
"""Where each network lives; ``test_<name>``, a micro network for tests, lives beside it."""

_modules = MODULES | {f"test_{name}": module for name, module in MODULES.items()}
_entries: dict[str, Callable[..., Any]] = {}


def register_model(entry: Entry) -> Entry:
    """Let `create_model` build a network by the name of the function that makes it.

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


def list_models() -> list[str]:
    """Every name that `create_model` knows."""
    return sorted({*_modules, *_entries})


def _entry(name: str) -> Callable[..., Any]:
    if name not in list_models():
        raise UnknownNameError("model", name, list_models())
    if name not in _entries:
        import_module(_modules[name])
    return _entries[name]


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
