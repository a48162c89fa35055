"""Keep one product per planet and settings on disk, with a checksum, so that a run can resume."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Generic, TypeVar, overload

from ariel_kit.core.config import Settings, settings_hash
from ariel_kit.core.errors import ArielKitError, DataFileError, DiskError
from ariel_kit.core.observation import Observation
from ariel_kit.core.revisions import Part, current_revisions, describe_change
from ariel_kit.core.spectrum import Spectrum

log = logging.getLogger(__name__)

Product = TypeVar("Product", Observation, Spectrum)
Item = TypeVar("Item")


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Give a temporary path, whose file is renamed to `path` only when the block succeeds.

    A reader, or a run that resumes, therefore never meets half a file.

    Raises
    ------
    DiskError
        If the disk is full, or the folder may not be written.

    Examples
    --------
    >>> folder = getfixture("tmp_path")
    >>> with atomic_path(folder / "a.txt") as unfinished:
    ...     _ = unfinished.write_text("whole")
    >>> [file.name for file in folder.iterdir()]
    ['a.txt']
    """
    path = Path(path)
    # The process number keeps two writers apart, the suffix lets numpy and polars pick a format.
    unfinished = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield unfinished
        unfinished.replace(path)
    except OSError as error:
        if isinstance(error, ArielKitError):
            raise
        raise DiskError(
            f"{path} cannot be written: {error.strerror or error}. Make room, or name another "
            "folder."
        ) from error
    finally:
        unfinished.unlink(missing_ok=True)


@dataclass(frozen=True)
class Cache(Generic[Product]):
    """A folder of products made with one set of settings.

    A product is kept while settings, kit version, revisions and input files stay what they were; a
    product that is damaged is named in the log, removed and built again.

    Attributes
    ----------
    folder : Path
        Products lie in ``folder / settings_hash(settings)``.
    settings : Settings
        What the products depend on besides their input files.
    kind : type
        `Observation` or `Spectrum`.
    parts : tuple of str
        What makes the products, by its name in `ariel_kit.core.revisions.REVISIONS`.
    """

    folder: Path
    settings: Settings
    kind: type[Product]
    parts: tuple[Part, ...]

    def path(self, name: str) -> Path:
        """Give the place of the product called `name`."""
        return self.folder / settings_hash(self.settings) / f"{name}.npz"

    def fetch(self, name: str, inputs: Iterable[Path], make: Callable[[], Product]) -> Product:
        """Load the product called `name` if it is there and sound, and make it otherwise.

        Parameters
        ----------
        name : str
            File name without suffix, e.g. the planet's id.
        inputs : iterable of Path
            Files, or folders of files, that the product is made from.
        make : callable
            Makes the product; called only when it is needed.
        """
        path, origin = self.path(name), _origin(inputs, self.parts)
        product = self._load(path, origin)
        return self._store(path, origin, make()) if product is None else product

    def _load(self, path: Path, origin: dict[str, Any]) -> Product | None:
        sidecar = path.with_suffix(".json")
        if not path.is_file():
            return None
        try:
            manifest = json.loads(sidecar.read_text(encoding="utf-8"))
            if manifest["origin"] != origin:
                log.info("%s was made from other files or by another revision; made anew", path)
                return None
            if manifest["sha256"] != file_sha256(path):
                raise DataFileError(f"{path} does not have the checksum in {sidecar.name}.")
            return self.kind.load(path)
        except (OSError, ValueError, KeyError, TypeError) as damage:
            log.warning("damaged product removed and made anew: %s", damage)
            path.unlink(missing_ok=True)
            sidecar.unlink(missing_ok=True)
            return None

    def _store(self, path: Path, origin: dict[str, Any], product: Product) -> Product:
        path.parent.mkdir(parents=True, exist_ok=True)
        # The product comes first: without its manifest it does not count.
        with atomic_path(path) as unfinished:
            product.save(unfinished)
            checksum = file_sha256(unfinished)
        with atomic_path(path.with_suffix(".json")) as unfinished:
            text = json.dumps({"sha256": checksum, "origin": origin}, indent=1)
            unfinished.write_text(text, encoding="utf-8")
        return product


@dataclass(frozen=True)
class StoredSequence(Sequence[Product]):
    """Products on disk as a sequence: each is loaded when it is asked for, and none is kept."""

    kind: type[Product]
    paths: Sequence[Path]

    def __len__(self) -> int:
        return len(self.paths)

    @overload
    def __getitem__(self, index: int) -> Product: ...
    @overload
    def __getitem__(self, index: slice) -> StoredSequence[Product]: ...
    def __getitem__(self, index: int | slice) -> Product | StoredSequence[Product]:
        if isinstance(index, slice):
            return StoredSequence(self.kind, self.paths[index])
        return self.kind.load(self.paths[index])

    def take(self, places: Iterable[int]) -> StoredSequence[Product]:
        """Pick some of the products."""
        return StoredSequence(self.kind, [self.paths[place] for place in places])

    @property
    def planet_ids(self) -> list[int]:
        """Planet of each product; nothing else of it is read."""
        return [self.kind.load_meta(path)["planet_id"] for path in self.paths]


@dataclass(frozen=True)
class Mapped(Sequence[Product], Generic[Item, Product]):
    """A function of each item of a sequence, worked out where and when it is asked for.

    Examples
    --------
    >>> Mapped(abs, [-1, 2])[0]
    1
    """

    function: Callable[[Item], Product]
    items: Sequence[Item]

    def __len__(self) -> int:
        return len(self.items)

    @overload
    def __getitem__(self, index: int) -> Product: ...
    @overload
    def __getitem__(self, index: slice) -> Mapped[Item, Product]: ...
    def __getitem__(self, index: int | slice) -> Product | Mapped[Item, Product]:
        if isinstance(index, slice):
            return Mapped(self.function, self.items[index])
        return self.function(self.items[index])

    def take(self, places: Iterable[int]) -> Mapped[Item, Product]:
        """Pick some of the items."""
        return Mapped(self.function, [self.items[place] for place in places])


def file_sha256(path: str | Path) -> str:
    """Compute the SHA-256 of a file, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fingerprint(inputs: Iterable[Path], parts: Iterable[Part]) -> str:
    """Hash files and the revisions of what is made from them to 12 hexadecimal digits.

    Parameters
    ----------
    inputs : iterable of Path
        As in `Cache.fetch`.
    parts : iterable of str
        As in `Cache`.
    """
    return hashlib.sha256(json.dumps(_origin(inputs, parts)).encode()).hexdigest()[:12]


def check_product(path: Path) -> None:
    """Refuse a stored product that was made by another revision of the kit.

    A product without a manifest was not made by a `Cache`, and is accepted.

    Raises
    ------
    DataFileError
        If its manifest states another revision, or cannot be read.
    """
    sidecar = path.with_suffix(".json")
    if not sidecar.is_file():
        return
    try:
        change = describe_change(
            json.loads(sidecar.read_text(encoding="utf-8"))["origin"]["revisions"]
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataFileError(
            f"{sidecar} states no revision, being old or damaged ({error!r}): calibrate again."
        ) from error
    if change:
        raise DataFileError(f"{path} was made by {change}: calibrate it again.")


def _origin(inputs: Iterable[Path], parts: Iterable[Part]) -> dict[str, Any]:
    """Describe what a product was made from: size and time of each file, revisions, kit version.

    A missing file is part of the identity too: when it appears the product is made anew.
    """
    files: list[Path] = []
    for path in inputs:
        files += sorted(path.iterdir()) if path.is_dir() else [path]
    # In full: a relative path and an absolute one are the same file.
    stats = {str(file.resolve()): file.stat() for file in files if file.exists()}
    identity = {name: [stat.st_size, stat.st_mtime_ns] for name, stat in stats.items()}
    return {
        "version": version("ariel-kit"),
        "revisions": current_revisions(*parts),
        "files": identity,
    }
