"""Base class of the values that stages exchange: frozen records that can be saved and loaded."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from tokenize import TokenError
from typing import Any, ClassVar, TypeVar
from zipfile import BadZipFile

import numpy as np

from ariel_kit.core.errors import DataFileError

AnyValue = TypeVar("AnyValue", bound="Value")

DAMAGE = (
    OSError, ValueError, LookupError, EOFError, TypeError, AttributeError, ArithmeticError,
    RuntimeError, SyntaxError, BadZipFile, TokenError, zlib.error, struct.error,
)  # fmt: skip
"""Errors by which numpy and the zip format report a damaged file."""


@dataclass(frozen=True)
class Value:
    """A frozen record of read-only arrays, of other values, and of what JSON can hold."""

    _records: ClassVar[Mapping[str, type]] = {}
    """Fields that hold a dataclass of plain numbers, or nothing."""
    _parts: ClassVar[Mapping[str, type[Value]]] = {}
    """Fields that hold a tuple of values."""

    def __repr__(self) -> str:
        told = ", ".join(f"{item.name}={_brief(getattr(self, item.name))}" for item in fields(self))
        return f"{type(self).__name__}({told})"

    def _freeze(self) -> None:
        for item in fields(self):
            array = getattr(self, item.name)
            if isinstance(array, np.ndarray):
                array = array.view()
                array.flags.writeable = False
                object.__setattr__(self, item.name, array)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Give all fields as arrays; what is not an array goes, as JSON, into ``meta``."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        parts = {
            f"{name}/{number}/{key}": array
            for name in self._parts
            for number, part in enumerate(values.pop(name))
            for key, array in part.to_arrays().items()
        }
        arrays = {name: v for name, v in values.items() if isinstance(v, np.ndarray)}
        meta = {name: v for name, v in values.items() if name not in arrays and v is not None}
        text = json.dumps(meta, sort_keys=True, default=asdict)
        return {**arrays, **parts, "meta": np.array(text)}

    @classmethod
    def from_arrays(cls: type[AnyValue], arrays: Mapping[str, np.ndarray]) -> AnyValue:
        """Build a value from what `to_arrays` gave."""
        values: dict[str, Any] = json.loads(str(arrays["meta"]))
        for name, record in cls._records.items():
            if name in values:
                lists = values[name].items()
                values[name] = record(**{k: tuple(v) if type(v) is list else v for k, v in lists})
        for name, kind in cls._parts.items():
            numbers = {key.split("/")[1] for key in arrays if key.startswith(f"{name}/")}
            values[name] = tuple(
                kind.from_arrays(_below(arrays, f"{name}/{number}/"))
                for number in sorted(numbers, key=int)
            )
        return cls(**values, **{k: v for k, v in arrays.items() if k != "meta" and "/" not in k})

    def save(self, path: str | Path) -> None:
        """Write to one ``.npz`` file."""
        with Path(path).open("wb") as file:
            np.savez(file, **self.to_arrays())  # type: ignore[arg-type]

    @classmethod
    def load(cls: type[AnyValue], path: str | Path) -> AnyValue:
        """Read what `save` wrote.

        Raises
        ------
        DataFileError
            If the file is missing or damaged.
        """
        with cls._opened(path) as arrays:
            return cls.from_arrays({name: arrays[name] for name in arrays.files})

    @classmethod
    def load_meta(cls, path: str | Path) -> dict[str, Any]:
        """Read the fields of a saved value that are not arrays.

        Raises
        ------
        DataFileError
            If the file is missing or damaged.
        """
        with cls._opened(path) as arrays:
            return dict(json.loads(str(arrays["meta"])))

    @classmethod
    @contextmanager
    def _opened(cls, path: str | Path) -> Iterator[Any]:
        try:
            with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                yield arrays
        except DAMAGE as error:
            raise DataFileError(
                f"{path} is not a readable {cls.__name__} ({error}); delete it and make it anew."
            ) from error


def _brief(value: object) -> str:
    """Name an array by its shape and type: its numbers would fill a screen."""
    if not isinstance(value, np.ndarray):
        return repr(value)
    return f"<{' x '.join(map(str, value.shape)) or 'scalar'} {value.dtype}>"


def _below(arrays: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    """Pick the arrays whose names start with `prefix`, and take it off."""
    return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
