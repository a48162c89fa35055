"""The bundle installs with no index, and its notebook submits from a tree laid out as Kaggle's."""

from __future__ import annotations

import json
import os
import subprocess
import sysconfig
import venv
from importlib.metadata import distribution
from pathlib import Path
from zipfile import ZipFile

import pytest

from ariel_kit.cli import bundle, main
from ariel_kit.cli.bundle import write_bundle, write_wheel
from ariel_kit.core.errors import DataFileError
from ariel_kit.data.submission import validate_submission
from ariel_kit.simulation import simulate_dataset

pytestmark = pytest.mark.usefixtures("calibrations")

NEEDED = ("pip", "nbclient", "ipykernel")
EXECUTE = """
import sys, nbclient, nbformat
notebook = nbformat.read(sys.argv[1], as_version=4)
nbclient.NotebookClient(notebook, timeout=600, kernel_name="python3").execute()
nbformat.write(notebook, sys.argv[2])
"""


@pytest.fixture(scope="session")
def bundled(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    write_bundle(folder, user="somebody")
    return folder


@pytest.fixture(scope="session")
def clean(tmp_path_factory) -> Path:
    """The Python of an environment that has all we have, but the kit."""
    for package in NEEDED:
        pytest.importorskip(package, reason="the notebooks extra is not installed")
    folder = tmp_path_factory.mktemp("clean")
    venv.create(folder, symlinks=True)
    own = Path(sysconfig.get_path("purelib"))
    (site,) = folder.glob("lib/python*/site-packages")
    for entry in own.iterdir():
        if "ariel" not in entry.name:
            (site / entry.name).symlink_to(entry)
    return folder / "bin" / "python"


def run(python: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """In a process that finds neither this checkout nor the kit installed beside the tests."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "KAGGLE"))}
    return subprocess.run(
        [str(python), *arguments],
        env={**kept, **environment},
        cwd=python.parent,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_folder_holds_what_kaggle_wants(bundled):
    assert sorted(path.name for path in bundled.iterdir() if path.is_file()) == [
        f"ariel_kit-{distribution('ariel-kit').version}-py3-none-any.whl",
        "dataset-metadata.json",
        "kaggle_submission.ipynb",
    ]
    metadata = json.loads((bundled / "dataset-metadata.json").read_text())
    assert metadata["id"] == "somebody/ariel-kit"
    assert metadata["licenses"] == [{"name": "MIT"}]


def test_the_verb_says_what_it_wrote(tmp_path, capsys):
    (tmp_path / "ariel_kit-0.0.1-py3-none-any.whl").touch()
    assert main(["bundle", "--output-dir", str(tmp_path), "--json"]) == 0
    files = [Path(file) for file in json.loads(capsys.readouterr().out)["files"]]
    assert all(file.exists() for file in files)
    assert len(list(tmp_path.glob("*.whl"))) == 1
    metadata = json.loads((tmp_path / "dataset-metadata.json").read_text())
    assert metadata["id"].startswith("INSERT_USERNAME_HERE/")


def test_a_name_that_no_kaggle_user_has_is_refused(tmp_path, capsys):
    for wrong in ("a b", "a/b", "-x", "ä"):
        assert main(["bundle", "--output-dir", str(tmp_path), f"--user={wrong}"]) == 1
        assert "a Kaggle user name has letters" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_the_wheel_holds_every_file_once_and_the_same_bytes_each_time(bundled, tmp_path):
    (path,) = bundled.glob("*.whl")
    assert write_wheel(tmp_path).read_bytes() == path.read_bytes()
    names = ZipFile(path).namelist()
    package = bundle.PACKAGE
    own = {p.relative_to(package.parent).as_posix() for p in package.rglob("*.*") if p.is_file()}
    assert {name for name in own if "__pycache__" not in name} <= set(names)
    assert not [name for name in names if "__pycache__" in name or "/." in name]
    assert len(names) == len(set(names))


def test_a_kit_without_metadata_is_refused_in_one_sentence(tmp_path, monkeypatch):
    nothing = type("Kit", (), {"version": "1", "read_text": lambda self, name: None})
    monkeypatch.setattr(bundle, "distribution", lambda name: nothing())
    with pytest.raises(DataFileError, match="Install ariel-kit with pip into a plain folder"):
        write_wheel(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_wheel_installs_offline_and_bundles_itself_again(bundled, clean, tmp_path):
    (wheel,) = bundled.glob("*.whl")
    assert "No module named 'ariel_kit'" in run(clean, "-c", "import ariel_kit").stderr
    options = [
        "--no-index",
        "--no-deps",
        "--disable-pip-version-check",
        "--root-user-action=ignore",
    ]
    done = run(clean, "-m", "pip", "install", *options, str(wheel))
    assert done.returncode == 0, done.stderr
    where = run(clean, "-c", "import ariel_kit; print(ariel_kit.__file__)").stdout
    assert where.startswith(str(clean.parents[1]))
    command = clean.with_name("ariel-kit")
    again = run(clean, str(command), "bundle", "--output-dir", str(tmp_path))
    assert again.returncode == 0, again.stderr
    assert ZipFile(tmp_path / wheel.name).namelist() == ZipFile(wheel).namelist()
    assert run(clean, "-m", "pip", "uninstall", "--yes", "ariel-kit").returncode == 0


@pytest.mark.parametrize(
    ("n_pairs", "scored"),
    [
        (360, "1"),
        pytest.param(None, "", marks=pytest.mark.slow),
        pytest.param(None, "1", marks=pytest.mark.slow),
    ],
)
def test_the_notebook_submits_from_read_only_inputs(bundled, clean, tmp_path, n_pairs, scored):
    """Short observations are too short to be fitted and get the safe prior; full ones are not."""
    inputs, working = tmp_path / "input", tmp_path / "working"
    data = inputs / "ariel-data-challenge-2024"
    sizes = {} if n_pairs is None else {"n_pairs": n_pairs}
    simulate_dataset(data, n_train=0, n_test=1, seed=3, **sizes)
    working.mkdir()
    (inputs / "ariel-kit").symlink_to(bundled)
    for path in [data, *data.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    before = sorted(path.stat().st_mtime_ns for path in inputs.rglob("*"))
    executed = tmp_path / "executed.ipynb"
    kaggle = {"KAGGLE_IS_COMPETITION_RERUN": scored, "ARIEL_KIT_KAGGLE": str(tmp_path)}
    done = run(
        clean, "-c", EXECUTE, str(bundled / "kaggle_submission.ipynb"), str(executed), **kaggle
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert validate_submission(working / "submission.csv", data / "sample_submission.csv").ok
    assert sorted(path.stat().st_mtime_ns for path in inputs.rglob("*")) == before
    record = json.loads((working / "run.json").read_text())
    assert len(record["failures"]) == (n_pairs is not None)
    assert record["place"] == ("kaggle-rerun" if scored else "kaggle")
    text = executed.read_text()
    assert ("Scored run: 1 planet(s)" if scored else "Draft: 1 planet(s)") in text
    assert "submission.csv: valid" in text
    fitted = n_pairs is None  # only then there is white light to draw, beside the spectrum
    assert text.count('"image/png"') == 1 + fitted
    assert not (working / "products").exists()
