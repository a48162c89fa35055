"""`ariel-kit train` and `models`: from a recipe, in seconds, to weights that are found."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import torch

from ariel_kit.cli import main
from ariel_kit.models import create_model, list_models, load_card

TINY = ["train", "--config", "tiny"]


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def test_two_runs_of_the_tiny_recipe_are_equal_bit_for_bit(tmp_path, capsys):
    for name in "ab":
        arguments = [*TINY, "--output-dir", str(tmp_path / name), "--set", "seed=3", "--json"]
        assert main(arguments) == 0
    (card,) = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert card["command"] == "ariel-kit train --config tiny --set seed=3"
    first, second = tmp_path / "a" / card["model"], tmp_path / "b" / card["model"]
    for name in ("model.safetensors", "golden.safetensors", "card.json", "history.csv"):
        assert (first / name).read_bytes() == (second / name).read_bytes()
    model = create_model(card["model"], weights=first)
    assert sum(p.numel() for p in model.parameters()) == card["parameters"]
    assert load_card(first).sha256 == card["sha256"]


def test_training_again_trains_no_more_and_own_weights_are_listed(tmp_path, capsys):
    arguments = [*TINY, "--output-dir", str(tmp_path)]
    assert main(arguments) == 0
    first = capsys.readouterr()
    assert "20/20 steps" in first.err
    assert main(arguments) == 0
    again = capsys.readouterr()
    assert again.out == first.out
    assert "tcn_jnet: " in again.out
    assert "validation loss" in again.out
    assert main(["models", "--models-dir", str(tmp_path), "--json"]) == 0
    rows = {row["model"]: row for row in json.loads(capsys.readouterr().out)}
    assert set(rows) == {name for name in list_models() if not name.startswith("test_")}
    assert rows["tcn_jnet"]["weights"] == "own"
    assert rows["tcn_jnet"]["command"] == "ariel-kit train --config tiny"
    assert main(["models"]) == 0
    table = capsys.readouterr().out.splitlines()
    assert len(table) == 1 + len(rows)


@pytest.mark.slow
def test_two_devices_learn_what_one_does(tmp_path):
    """Two processes on the CPU stand for two GPUs: half a batch each, one gradient."""
    launch = {
        "one": [],
        "two": ["torch.distributed.run", "--standalone", "--nproc_per_node=2", "-m"],
    }
    for name, launcher in launch.items():
        command = [sys.executable, "-m", *launcher, "ariel_kit.cli", *TINY, "--set"]
        command += ["loop.device=cpu", "--output-dir", str(tmp_path / name), "--json"]
        done = subprocess.run(command, capture_output=True, check=True)
        (card,) = json.loads(done.stdout)  # printed once
    one, two = (create_model(card["model"], weights=tmp_path / n / card["model"]) for n in launch)
    theirs = two.state_dict()
    for key, tensor in one.state_dict().items():
        torch.testing.assert_close(tensor, theirs[key], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--config", "tinny"], "Unknown recipe 'tinny'. Did you mean 'tiny'?"),
        (["--config", "tiny", "--set", "loop.stepz=3"], "Did you mean 'loop.steps'?"),
        (["--config", "tiny", "--set", "model.widht=3"], "Did you mean 'width'?"),
        (["--config", "tiny", "--resume", "{tmp}/no.pt"], "no.pt is missing"),
        (["--config", "tiny", "--labels", "{tmp}/y.csv"], "--labels needs --data-dir"),
        (["--config", "tiny", "--data-dir", "{tmp}/no"], "no is missing: name it with --data-dir"),
        (["--config", "tiny", "--data-dir", "{tmp}"], "train_labels.csv is missing"),
    ],
)
def test_mistakes_cost_one_clear_line(arguments, message, tmp_path, capsys):
    parts = [part.replace("{tmp}", str(tmp_path)) for part in arguments]
    assert main(["train", "--output-dir", str(tmp_path / "out"), *parts]) == 1
    assert message in capsys.readouterr().err.splitlines()[-1]


def test_a_task_that_cannot_use_real_planets_says_so(tmp_path, capsys):
    (tmp_path / "train_labels.csv").touch()
    arguments = ["--data-dir", str(tmp_path), "--output-dir", str(tmp_path / "out")]
    assert main([*TINY, *arguments]) == 1
    assert "tcn_jnet learns from simulated motion only" in capsys.readouterr().err
