"""The files of a run's folder: written whole, checked when read."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from ariel_kit.core.cache import atomic_path
from ariel_kit.core.errors import DataFileError

Content = TypeVar("Content")


def write_file(path: Path, content: bytes) -> None:
    """Write a text file whole or not at all, with an end of line."""
    with atomic_path(path) as unfinished:
        unfinished.write_bytes(content + b"\n")


def read_json(path: Path, kind: TypeAdapter[Content]) -> Content:
    """Read a JSON file and check it field by field.

    Raises
    ------
    DataFileError
        If it is missing or damaged.
    """
    try:
        return kind.validate_json(path.read_bytes())
    except (OSError, ValueError) as error:
        raise DataFileError(describe_damage(path, error)) from error


def describe_damage(path: Path, error: Exception) -> str:
    """Name the file and its first fault in one sentence."""
    detail = str(error)
    if isinstance(error, ValidationError):
        fault = error.errors()[0]
        detail = ": ".join([".".join(map(str, fault["loc"])), fault["msg"]]).removeprefix(": ")
    return (
        f"{path} is damaged, or another version wrote it ({detail}); run ariel-kit run again, it "
        "goes on where it was."
    )
