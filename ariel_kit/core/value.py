"""The base of the values that walk the line: frozen records that can be stored and read back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar
from zipfile import BadZipFile

import numpy as np

from ariel_kit.core.errors import DataFileError

AnyValue = TypeVar("AnyValue", bound="Value")


@dataclass(frozen=True)
class Value:
    """A frozen record whose arrays are read-only and whose other fields are JSON."""

    def _freeze(self) -> None:
        for item in fields(self):
            array = getattr(self, item.name)
            if isinstance(array, np.ndarray):
                array = array.view()
                array.flags.writeable = False
                object.__setattr__(self, item.name, array)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """All fields as arrays; what is not an array goes, as JSON, into ``meta``."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        arrays = {name: v for name, v in values.items() if isinstance(v, np.ndarray)}
        meta = {name: v for name, v in values.items() if name not in arrays and v is not None}
        return {**arrays, "meta": np.array(json.dumps(meta, sort_keys=True))}

    @classmethod
    def from_arrays(cls: type[AnyValue], arrays: Mapping[str, np.ndarray]) -> AnyValue:
        """The inverse of `to_arrays`."""
        values: dict[str, Any] = {k: arrays[k] for k in arrays if k != "meta"}
        return cls(**values, **json.loads(str(arrays["meta"])))

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
        """What a saved value says besides its arrays, which are not read.

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
        except (OSError, ValueError, KeyError, EOFError, TypeError, BadZipFile) as error:
            raise DataFileError(
                f"{path} is not a readable {cls.__name__} ({error}); delete it and make it anew."
            ) from error
