"""One folder that Kaggle takes as a data set: wheel, metadata, submission notebook."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from base64 import urlsafe_b64encode
from importlib.metadata import distribution
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from ariel_kit.core.cache import atomic_path
from ariel_kit.core.errors import ConfigError, DataFileError

PACKAGE = Path(__file__).parents[1]
NOTEBOOK = "kaggle_submission.ipynb"
NO_USER = "INSERT_USERNAME_HERE"
"""Placeholder that Kaggle's own client writes for the user name."""
WHEEL_TAG = "py3-none-any"


def write_bundle(output_dir: str | Path, *, user: str = NO_USER) -> list[Path]:
    """Write everything that a Kaggle notebook without internet needs, ready for upload.

    Parameters
    ----------
    output_dir : path
    user : str
        Kaggle user name, for the id of the data set.

    Returns
    -------
    list of Path
        The wheel, which holds the weights, the data set's metadata, and the notebook.

    Raises
    ------
    ConfigError
        If `user` cannot be the name of a user.
    """
    if not re.fullmatch(r"\w[\w-]*", user, re.ASCII):
        raise ConfigError(f"a Kaggle user name has letters, digits and hyphens only; got {user!r}.")
    output = Path(output_dir)
    output.mkdir(parents=True, exist_ok=True)
    for old in output.glob("ariel_kit-*.whl"):
        old.unlink()
    written = [write_wheel(output), output / "dataset-metadata.json", output / NOTEBOOK]
    metadata = {
        "title": "ariel_kit",
        "id": f"{user}/ariel-kit",
        "licenses": [{"name": "MIT"}],
    }
    written[1].write_text(json.dumps(metadata, indent=2) + "\n", encoding="utf-8")
    shutil.copyfile(PACKAGE / "templates" / NOTEBOOK, written[2])
    return written


def write_wheel(folder: Path) -> Path:
    """Pack the kit, however it was installed, into a wheel; equal files give equal bytes.

    Raises
    ------
    DataFileError
        If the files or the metadata of the installed kit cannot be found.
    """
    kit = distribution("ariel-kit")
    metadata = kit.read_text("METADATA") or kit.read_text("PKG-INFO")
    entry_points = kit.read_text("entry_points.txt")
    if not (PACKAGE.is_dir() and metadata and entry_points):
        raise DataFileError(
            f"a wheel needs the files and the metadata of an installed kit; {PACKAGE} lacks them. "
            "Install ariel-kit with pip into a plain folder."
        )
    stem = f"ariel_kit-{kit.version}"
    info = f"{stem}.dist-info"
    wheel = f"Wheel-Version: 1.0\nGenerator: ariel_kit\nRoot-Is-Purelib: true\nTag: {WHEEL_TAG}\n"
    contents = {
        path.relative_to(PACKAGE.parent).as_posix(): path.read_bytes()
        for path in sorted(PACKAGE.rglob("*"))
        if path.is_file() and not _is_left_over(path.relative_to(PACKAGE))
    }
    contents[f"{info}/METADATA"] = metadata.encode()
    contents[f"{info}/WHEEL"] = wheel.encode()
    contents[f"{info}/entry_points.txt"] = entry_points.encode()
    contents[f"{info}/top_level.txt"] = b"ariel_kit\n"
    contents[f"{info}/RECORD"] = _record(contents, f"{info}/RECORD").encode()
    path = folder / f"{stem}-{WHEEL_TAG}.whl"
    with atomic_path(path) as unfinished, ZipFile(unfinished, "w", ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            entry = ZipInfo(name)  # dated 1980, so that the bytes do not depend on the clock
            entry.external_attr = 0o644 << 16
            entry.compress_type = ZIP_DEFLATED
            archive.writestr(entry, content)
    return path


def _is_left_over(path: Path) -> bool:
    """Tell whether a file is a cache of Python or numba, or hidden, and not part of the kit."""
    return any(part == "__pycache__" or part.startswith(".") for part in path.parts)


def _record(contents: dict[str, bytes], own_name: str) -> str:
    """List the files of a wheel with checksum and size."""
    lines = []
    for name, content in contents.items():
        digest = urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(content)}\n")
    return "".join([*lines, f"{own_name},,\n"])
