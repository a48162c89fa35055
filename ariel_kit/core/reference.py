"""Every setting of a run in one view: its value by dotted name, or a page that describes all."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

from ariel_kit.core.config import RECIPES, Settings
from ariel_kit.core.fields import describe_settings


def flat_settings(settings: Settings) -> dict[str, Any]:
    """Give the value of every setting by its dotted name.

    >>> from ariel_kit.core.config import RunSettings
    >>> flat_settings(RunSettings(seed=3))["seed"]
    3
    """
    return {name: attrgetter(name)(settings) for name, *_ in describe_settings(type(settings))}


def reference_page(kind: type[Settings]) -> str:
    """Write every setting and every shipped recipe of a run as a page of Markdown.

    Examples
    --------
    >>> from ariel_kit.core.config import BudgetSettings
    >>> print(reference_page(BudgetSettings).splitlines()[4])
    | `hours` | float, > 0, <= 10000 | 9.0 | The wall: before it a run falls back to quicker fits, \
then the safe prior. |
    """
    lines = ["# Settings", "", "| setting | type | default | what it does |", "|---|---|---|---|"]
    for name, kinds, default, description in describe_settings(kind):
        shown = kinds.replace(" | ", ", ")  # a bar would end the cell
        lines.append(f"| `{name}` | {shown} | {default} | {description} |")
    lines += ["", "# Recipes"]
    for path in sorted(RECIPES.glob("*.yaml")):
        first, *rest = path.read_text(encoding="utf-8").splitlines()
        lines += ["", f"## {path.stem}", "", first.removeprefix("# "), "", "```yaml", *rest, "```"]
    return "\n".join(lines)
