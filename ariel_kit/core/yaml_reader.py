"""Read YAML of settings: small, flat and plain, with every key once."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from ariel_kit.core.errors import ConfigError, shortened

LARGEST_FILE = 100_000
"""Most characters of a file; all settings of a run take two thousand."""
DEEPEST = 20
"""Deepest nesting of mappings and lists."""


def read_yaml_file(path: Path) -> Any:
    """Read a file.

    Raises
    ------
    ConfigError
        If it is missing, or not plain YAML.
    """
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise ConfigError(f"it is larger than {LARGEST_FILE} bytes.")
        return read_yaml(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(
            f"{path} is missing: name a YAML file that is there, or a shipped recipe."
        ) from error
    except (OSError, ValueError, yaml.YAMLError) as error:
        detail = shortened(str(error)).rstrip(".")
        raise ConfigError(f"{path} cannot be read as YAML: {detail}.") from error


def read_yaml(text: str) -> Any:
    """Read a text.

    Raises
    ------
    ConfigError
        If it is not YAML, holds anchors or a repeated key, or is too large or too deep.

    Examples
    --------
    >>> read_yaml("{seed: 3}")
    {'seed': 3}
    >>> read_yaml("seed: 3\\nseed: 4")
    Traceback (most recent call last):
    ariel_kit.core.errors.ConfigError: the key 'seed' stands there twice, first in line 1.
    """
    try:
        _refuse_depth_and_anchors(text)
        return yaml.load(text, Loader=_Loader)  # noqa: S506
    except ConfigError:
        raise
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise ConfigError(f"{shortened(str(error)).rstrip('.')}.") from error


def _refuse_depth_and_anchors(text: str) -> None:
    """Read the parser's events only, so that no value is built that could fill the memory."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if getattr(event, "anchor", None) is not None:
            raise ConfigError(f"settings have no anchors; one stands in line {_line(event)}.")
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise ConfigError(f"settings are not nested so deep; see line {_line(event)}.")


def _line(place: yaml.Event | yaml.Node) -> int:
    mark = place.start_mark
    return 1 if mark is None else int(mark.line) + 1


class _Loader(yaml.SafeLoader):
    """Refuses a mapping with a key twice; YAML's own reader takes the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Make a mapping."""
        found: dict[Any, int] = {}
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in found:
                shown, line = shortened(key.value), found[key.value]
                raise ConfigError(f"the key {shown!r} stands there twice, first in line {line}.")
            if isinstance(key, yaml.ScalarNode):
                found[key.value] = _line(key)
        return super().construct_mapping(node, deep=deep)
