"""The fields of settings as a table: name, type with its limits, default, description."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import BaseModel


def describe_settings(kind: type[BaseModel], prefix: str = "") -> list[tuple[str, str, str, str]]:
    """List every field as (dotted name, type with its limits, default, description)."""
    rows = []
    for name, field in kind.model_fields.items():
        annotation = field.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            rows += describe_settings(annotation, f"{prefix}{name}.")
            continue
        parts = getattr(annotation, "__args__", (annotation,))
        kinds = " | ".join(part.__name__ if type(part) is type else str(part) for part in parts)
        kinds = kinds.replace("NoneType", "null")
        kinds = ", ".join([kinds, *_limits(field.metadata)])
        rows.append((f"{prefix}{name}", kinds, str(field.default), field.description or ""))
    return rows


def _limits(metadata: Iterable[object]) -> list[str]:
    """Write the bounds that pydantic keeps for a field, as ``> 0``."""
    signs = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}
    return [
        f"{sign} {getattr(bound, key)}"
        for bound in metadata
        for key, sign in signs.items()
        if hasattr(bound, key)
    ]
