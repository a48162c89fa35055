"""Verbs that hand something over: the settings and what they mean."""

from __future__ import annotations

from typing import Any

from ariel_kit.cli.options import AsJson, Config, Overrides, read_settings, show


def show_config(config: Config = None, overrides: Overrides = None, as_json: AsJson = False) -> int:
    """Print every setting: its value, its choices, what it does."""
    from ariel_kit.config import RunSettings, describe_settings

    values = read_settings(config, overrides).model_dump(mode="json")
    lines = []
    for name, kinds, _, description in describe_settings(RunSettings):
        value: Any = values
        for part in name.split("."):
            value = value[part]
        lines.append(f"{name} = {value}  ({kinds})\n    {description}")
    show(values, as_json, "\n".join(lines))
    return 0
