"""A run's folder is read as it was written, and what is wrong with one is a sentence."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from ariel_kit.cli import main
from ariel_kit.core.config import RunSettings, make_settings
from ariel_kit.core.errors import ArielKitError
from ariel_kit.core.spectrum import WhiteLightCurve
from ariel_kit.data.dataset import open_dataset
from ariel_kit.pipeline import run_pipeline
from ariel_kit.run.folder import RunFolder
from ariel_kit.run.result import RunResult

pytestmark = pytest.mark.usefixtures("calibrations")

WHITE = make_settings(RunSettings, {"extraction": {"extractor": "white"}, "seed": 4})
_made: dict[str, tuple[Path, RunResult]] = {}


@pytest.fixture
def made(tiny, tmp_path_factory) -> tuple[Path, RunResult]:
    """A finished run and its result; no test may change it."""
    if "run" not in _made:
        path = tmp_path_factory.mktemp("run")
        _made["run"] = path, run_pipeline(tiny, path, settings=WHITE)
    return _made["run"]


@pytest.fixture
def run(made, tmp_path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(made[0], tmp_path / "run"))


def test_a_run_is_read_as_it_was_written(made, tiny):
    path, result = made
    run = RunFolder(path).read()
    assert run.settings == WHITE
    assert run.record.identity.data == tiny
    assert run.record.edition == 2024
    assert run.record.planets == 2
    assert run.record.prior == result.prior.source
    dataset = open_dataset(tiny)
    assert run.stars == [dataset.star("test", planet) for planet in dataset.planets("test")]
    assert run.failures == {}
    assert run.is_unchanged
    assert [path for paths in run.products.values() for path in paths] == result.products
    for read, made_spectrum in zip(run.spectra, result.spectra, strict=True):
        assert read.planet_id == made_spectrum.planet_id
        assert read.mean.tobytes() == made_spectrum.mean.tobytes()
        assert read.sigma.tobytes() == made_spectrum.sigma.tobytes()
        assert read.fit == made_spectrum.fit
        assert read.provenance == json.loads(json.dumps(made_spectrum.provenance))


def test_the_white_light_of_each_visit_comes_back_bit_by_bit(made):
    path, result = made
    for read, made_spectrum in zip(RunFolder(path).read().spectra, result.spectra, strict=True):
        (curve,), (own,) = read.white_light, made_spectrum.white_light
        for name in ("time", "span", "flux", "noise", "drift", "model"):
            assert getattr(curve, name).tobytes() == getattr(own, name).tobytes()
        rms = np.sqrt(np.mean(curve.residual**2))
        assert rms == pytest.approx(read.fit.white_residual, rel=1e-3)
    assert (path / "fits.npz").stat().st_size < 50_000


def test_visits_of_a_planet_keep_their_order_and_lengths(run):
    folder = RunFolder(run)
    read = folder.read()
    curves = tuple(WhiteLightCurve(*np.arange(6.0 * n).reshape(6, n)) for n in range(3, 15))
    first, second = read.spectra
    folder.finish(read.record, [replace(first, white_light=curves), second])
    again = folder.read().spectra
    assert [len(curve.time) for curve in again[0].white_light] == [*range(3, 15)]
    assert again[0].white_light[11].model.tolist() == curves[11].model.tolist()
    assert len(again[1].white_light) == 1


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flip(content: bytes) -> bytes:
    return content[:200] + bytes(byte ^ 255 for byte in content[200:300]) + content[300:]


def edited(**changes: object):
    """A hand-edited JSON file."""
    return lambda content: json.dumps({**json.loads(content), **changes}).encode()


DAMAGES = {
    "half a record": ("run.json", cut, "run.json is damaged"),
    "an empty record": ("run.json", lambda _: b"", "run.json is damaged"),
    "a list": ("run.json", lambda _: b"[1, 2]", "run.json is damaged"),
    "nothing in it": ("run.json", lambda _: b"{}", "Field required"),
    "no text": ("run.json", lambda _: b"\xff\xfe\x00", "run.json is damaged"),
    "deep nesting": ("run.json", lambda _: b"[" * 100_000, "run.json is damaged"),
    "an unknown edition": ("run.json", edited(edition=1999), "edition must be 2024 or 2025"),
    "words for seconds": ("run.json", edited(seconds={"fit": "long"}), "seconds.fit"),
    "negative seconds": ("run.json", edited(seconds={"fit": -1.0}), "seconds.fit"),
    "a failure without planet": ("run.json", edited(failures=[{}]), "failures.0.planet_id"),
    "a failure that is a word": ("run.json", edited(failures="none"), "failures"),
    "half a provenance": ("provenance.json", cut, "provenance.json is damaged"),
    "provenance by name": ("provenance.json", lambda _: b'{"a": {}}', "provenance.json is damaged"),
    "half the fits": ("fits.npz", cut, "fits.npz is damaged"),
    "changed fits": ("fits.npz", flip, "fits.npz is damaged"),
    "no fits": ("fits.npz", lambda _: b"", "fits.npz is damaged"),
    "settings of no kit": ("settings.yaml", lambda _: b"sede: 1", "Did you mean 'seed'?"),
    "settings that are a list": ("settings.yaml", lambda _: b"- 1", "must hold a mapping"),
    "settings that are no YAML": ("settings.yaml", lambda _: b"a: [", "cannot be read as YAML"),
    "settings that are no text": ("settings.yaml", lambda _: b"\xff\xfe\x00", "settings.yaml"),
    "half a submission": ("submission.csv", cut, "submission.csv has faults"),
    "no submission": ("submission.csv", lambda _: b"", "submission.csv cannot be read"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_or_edited_file_is_one_sentence_for_the_report(run, name, capsys):
    file, damage, message = DAMAGES[name]
    (run / file).write_bytes(damage((run / file).read_bytes()))
    with pytest.raises(ArielKitError):
        RunFolder(run).read()
    assert main(["report", str(run)]) in (1, 2)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("ariel-kit: ")
    assert message in captured.err
    assert "Traceback" not in captured.err
    if message != "Did you mean 'seed'?" and file != "submission.csv":  # these list all faults
        assert captured.err.count("\n") == 1


@pytest.mark.parametrize("name", [n for n in DAMAGES if "submission" not in n])
def test_a_damaged_folder_is_run_again_to_the_same_bytes(tiny, run, made, name, caplog):
    file, damage, _ = DAMAGES[name]
    (run / file).write_bytes(damage((run / file).read_bytes()))
    run_pipeline(tiny, run, settings=WHITE)
    assert caplog.text.count("or a damaged record") == (file == "run.json")
    for kept in ("submission.csv", "fits.npz", "provenance.json", "settings.yaml"):
        assert (run / kept).read_bytes() == (made[0] / kept).read_bytes()
    assert asdict(RunFolder(run).read().spectra[0].fit) == asdict(made[1].spectra[0].fit)


def test_a_submission_changed_by_hand_is_noticed(run):
    text = (run / "submission.csv").read_text()
    (run / "submission.csv").write_text(text.replace("\n", "\r\n"))
    assert not RunFolder(run).read().is_unchanged


def test_the_record_is_the_last_file_and_stays_away_when_others_fail(run, monkeypatch):
    folder = RunFolder(run)
    read = folder.read()
    folder.record.unlink()

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(OSError, match="No space"):
        folder.finish(read.record, read.spectra)
    assert not folder.is_finished
    assert not [path for path in run.iterdir() if path.name.startswith(".")]
