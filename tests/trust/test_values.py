"""Numbers that look like settings, ids, weights or temperatures and are none: one sentence each."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from ariel_kit.core.cache import file_sha256
from ariel_kit.core.errors import WeightsError
from ariel_kit.models import create_model
from ariel_kit.models.weights import CARD_FILE, GOLDEN_FILE, MODEL_FILE
from ariel_kit.uncertainty import Temperature
from tests.support.faults import linked
from tests.support.micro import save_micro_models

SETTINGS = {
    "hours without end": (["--set", "budget.hours=.inf"], "budget.hours"),
    "hours of NaN": (["--set", "budget.hours=.nan"], "budget.hours"),
    "no hours": (["--set", "budget.hours=0"], "budget.hours"),
    "all hours kept back": (["--set", "budget.margin=1"], "budget.margin"),
    "seed of 1e20": (["--set", "seed=100000000000000000000"], "seed"),
    "seed of a fraction": (["--set", "seed=0.5"], "seed"),
    "seed option of 1e20": (["--seed", "100000000000000000000"], "--seed"),
    "bins of NaN": (["--set", "extraction.bin_seconds=.nan"], "extraction.bin_seconds"),
    "bins of a day": (["--set", "extraction.bin_seconds=86400"], "extraction.bin_seconds"),
    "a list for a switch": (["--set", "stages.refine=[1]"], "stages.refine"),
    "a mapping for a word": (["--set", "device={a: 1}"], "device"),
    "no processes": (["--n-jobs", "0"], "n_jobs must be a positive number"),
    "a recipe that is a folder": (["--config", "..yaml"], "..yaml"),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_that_is_none_is_one_sentence_and_nothing_is_written(name, tiny, tmp_path, tell):
    options, words = SETTINGS[name]
    told = tell("run", "--data-dir", tiny, "--output-dir", tmp_path / "out", *options)
    assert told.code == 1
    assert told.out == ""
    assert words in told.err
    assert "Traceback" not in told.err
    assert len(told.err) < 500
    assert not (tmp_path / "out" / "submission.csv").exists()


IDS = {
    "beyond 64 bits": "18446744073709551617",
    "beyond the sign": "9223372036854775808",
    "a float of 1e300": "1e300",
    "infinite": "inf",
    "not a number": "NaN",
    "a word": "HD209458b",
    "empty": "",
    "a half": "7.5",
}


@pytest.mark.parametrize("name", IDS)
@pytest.mark.parametrize(
    "table", ["test_adc_info.csv", "train_labels.csv", "sample_submission.csv"]
)
def test_an_id_that_is_none_is_told_with_its_table(name, table, tiny, tmp_path, tell):
    data = linked(tiny, tmp_path / "data")
    lines = (data / table).read_text().splitlines()
    lines[1] = ",".join([IDS[name], *lines[1].split(",")[1:]])
    (data / table).unlink()
    (data / table).write_text("\n".join(lines))
    told = tell("run", "--data-dir", data, "--output-dir", tmp_path / "out")
    assert (told.code, told.out) == (1, "")
    assert f"{table} must hold one row per planet; its planet_id must be whole" in told.sentence
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", IDS)
def test_an_id_that_is_none_is_a_fault_of_a_submission(name, tiny, tmp_path, tell):
    submission = tmp_path / "submission.csv"
    lines = (tiny / "sample_submission.csv").read_text().splitlines()
    lines[1] = ",".join([IDS[name], *lines[1].split(",")[1:]])
    submission.write_text("\n".join(lines))
    told = tell("validate", submission)
    assert told.code == 2
    assert "planet ids must be whole numbers" in told.out
    told = tell("score", submission, tiny / "test_labels.csv")
    assert told.code == 2
    assert "planet ids must be whole numbers" in told.err


def halved(tensors):
    return {name: tensor.half() for name, tensor in tensors.items()}


def whole(tensors):
    return {name: tensor.to(torch.int64) for name, tensor in tensors.items()}


def poisoned(tensors):
    first = next(iter(tensors))
    return tensors | {first: torch.full_like(tensors[first], torch.nan)}


@pytest.fixture
def network(tmp_path):
    return save_micro_models(tmp_path / "models") / "resnet1d"


def sign(network):
    """Let the card state the checksum of the weights that are there."""
    card = json.loads((network / CARD_FILE).read_text())
    card["sha256"] = file_sha256(network / MODEL_FILE)
    (network / CARD_FILE).write_text(json.dumps(card))


@pytest.mark.parametrize(
    ("change", "words"),
    [(whole, "type of .*int64"), (halved, "type of .*float16"), (poisoned, "NaN or infinity")],
)
def test_weights_that_are_no_numbers_of_the_network_are_refused(network, change, words):
    save_file(change(load_file(network / MODEL_FILE)), network / MODEL_FILE)
    sign(network)
    with pytest.raises(WeightsError, match=words):
        create_model("resnet1d", weights=network)


@pytest.mark.parametrize("content", [b"", b"\x00" * 64, b"\xff" * 64, b"PK\x03\x04 no tensors"])
def test_a_file_without_tensors_is_refused_even_where_its_card_agrees(network, content):
    (network / MODEL_FILE).write_bytes(content)
    sign(network)
    with pytest.raises(WeightsError, match=r"model\.safetensors holds no tensors"):
        create_model("resnet1d", weights=network)


def shifted(tensors):
    return {k: t + 0.1 if k.startswith("output.") else t for k, t in tensors.items()}


def no_number(tensors):
    return {k: t * torch.nan if k.startswith("output.") else t for k, t in tensors.items()}


def of_another_shape(tensors):
    return {k: t[..., :1].contiguous() for k, t in tensors.items()}


def renamed(tensors):
    return {k.replace("input.", "input.other_"): t for k, t in tensors.items()}


def without_outputs(tensors):
    return {k: t for k, t in tensors.items() if k.startswith("input.")}


def without_inputs(tensors):
    return {k: t for k, t in tensors.items() if k.startswith("output.")}


def of_integers(tensors):
    return {k: t.to(torch.int64) for k, t in tensors.items()}


GOLDEN = [
    shifted, no_number, of_another_shape, renamed, without_outputs, without_inputs, of_integers,
]  # fmt: skip


@pytest.mark.parametrize("change", GOLDEN)
def test_a_golden_output_that_the_network_does_not_give_is_refused(network, change):
    save_file(change(load_file(network / GOLDEN_FILE)), network / GOLDEN_FILE)
    with pytest.raises(WeightsError, match=r"golden\.safetensors (must hold|holds no)") as caught:
        create_model("resnet1d", weights=network)
    assert "\n" not in str(caught.value)
    assert "train" in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\xff" * 64, b"<html>403</html>" * 9])
def test_a_golden_output_without_tensors_is_refused(network, content):
    (network / GOLDEN_FILE).write_bytes(content)
    with pytest.raises(WeightsError, match=r"golden\.safetensors holds no tensors"):
        create_model("resnet1d", weights=network)


def test_weights_that_were_never_those_of_the_golden_output_are_refused(network):
    """Their card and their checksum are right: they are those of another training."""
    tensors = load_file(network / MODEL_FILE)
    save_file({k: t + 0.05 for k, t in tensors.items()}, network / MODEL_FILE)
    sign(network)
    with pytest.raises(WeightsError, match=r"golden\.safetensors must hold what ResNet1D gives"):
        create_model("resnet1d", weights=network)


def test_damaged_weights_of_a_user_end_a_run_in_one_sentence(network, tiny, tmp_path, tell):
    (network / GOLDEN_FILE).write_bytes(b"\x00" * 64)
    models = ["--models-dir", network.parent]
    told = tell("run", "--data-dir", tiny, "--output-dir", tmp_path / "out", *models)
    assert (told.code, told.out) == (1, "")
    assert "golden.safetensors holds no tensors" in told.sentence


TEMPERATURES = {
    "NaN": {"factor": float("nan")},
    "infinite": {"factor": float("inf")},
    "negative": {"factors": [[-1.0]]},
    "zero": {"factors": [[0.0]]},
    "huge": {"factors": [[1e30]]},
    "a word": {"factors": [["warm"]]},
    "nothing": {"factors": None},
    "of no regime": {"factors": []},
    "of too many regimes": {"factors": [[1.0, 1.0]]},
    "with a negative floor": {"floor": -1e-5},
    "with a floor of NaN": {"floor": float("nan")},
    "with edges that fall": {"signal_edges": [9.0, 1.0], "factors": [[1.0]] * 3},
    "of no edition": {"editions": None},
}


@pytest.mark.parametrize("name", TEMPERATURES)
def test_a_temperature_that_is_none_is_refused(name, tmp_path):
    path = tmp_path / "fit.json"
    Temperature().save(path)
    values = json.loads(path.read_text())
    path.write_text(json.dumps({**values, **TEMPERATURES[name]}))
    with pytest.raises(WeightsError, match=r"fit\.json is no (readable|usable) temperature"):
        Temperature.load(path)


def test_a_temperature_comes_back_as_it_was_saved(tmp_path):
    own = Temperature(1.2, 1e-6, (1.0, 2.0), (3.0,), ((1.0, 1.1), (1.2, 1.3), (1.4, 1.5)), 9)
    own.save(tmp_path / "own.json")
    assert Temperature.load(tmp_path / "own.json") == own
