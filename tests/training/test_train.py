"""`ariel-kit train` and `models`: from a recipe, in seconds, to weights that are found."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial

import numpy as np
import polars as pl
import pytest
import torch

from ariel_kit.cli import main
from ariel_kit.core.cache import Cache
from ariel_kit.core.config import CalibrationSettings
from ariel_kit.core.observation import Observation
from ariel_kit.models import create_model, list_models, load_card
from ariel_kit.models.weights import SHIPPED
from ariel_kit.simulation import draw_planets, simulate_observation, write_tables
from ariel_kit.spectral_extraction import simulated_prior
from ariel_kit.training.pools import folder, observed

pytestmark = pytest.mark.usefixtures("calibrations")

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
    assert again.err.count("already finished at step 20") == 1
    assert "steps" not in again.err
    assert "finished" not in first.err
    assert "stopped" not in first.err
    assert "tcn_jnet: " in again.out
    assert "validation loss" in again.out
    assert main(["models", "--models-dir", str(tmp_path), "--json"]) == 0
    rows = {row["model"]: row for row in json.loads(capsys.readouterr().out)}
    assert set(rows) == set(list_models())
    assert rows["tcn_jnet"]["weights"] == "own"
    assert rows["tcn_jnet"]["command"] == "ariel-kit train --config tiny"
    card = load_card(tmp_path / "tcn_jnet")
    assert rows["tcn_jnet"]["loss"] == card.score
    assert main(["models"]) == 0
    table = capsys.readouterr().out.splitlines()
    objections = [line for line in table if line.endswith("learn it anew.")]
    assert len(table) == 1 + len(rows) + len(objections)
    assert table[0].split() == [
        "model", "parameters", "weights", "licence", "editions", "revisions", "loss", "command",
    ]  # fmt: skip
    shipped = load_card(SHIPPED / "physnet").revisions
    assert ", ".join(f"{part} {number}" for part, number in shipped.items()) in table[1]


@pytest.mark.numbers
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
    curves = [pl.read_csv(tmp_path / n / card["model"] / "history.csv") for n in launch]
    assert curves[0].height > 1
    np.testing.assert_allclose(curves[1].to_numpy(), curves[0].to_numpy(), rtol=1e-4)
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
        (["--config", "tiny", "--set", "foo=1"], "foo: unknown setting (got 1)."),
        (["--config", "tiny", "--resume", "{tmp}/no.pt"], "no.pt is missing"),
        (["--config", "tiny", "--labels", "{tmp}/y.csv"], "--labels needs --data-dir"),
        (["--config", "tiny", "--data-dir", "{tmp}/no"], "no is missing: name it with --data-dir"),
        (["--config", "tiny", "--data-dir", "{tmp}", "--labels", "{tmp}/y"], "y is missing: name"),
        (["--config", "ti_mae", "--data-dir", "{tmp}"], "must hold observations"),
    ],
)
def test_mistakes_cost_one_clear_line(arguments, message, tmp_path, capsys):
    parts = [part.replace("{tmp}", str(tmp_path)) for part in arguments]
    assert main(["train", "--output-dir", str(tmp_path / "out"), *parts]) == 1
    assert message in capsys.readouterr().err.splitlines()[-1]


def test_a_task_that_cannot_use_real_planets_says_so(tmp_path, capsys):
    arguments = ["--data-dir", str(tmp_path), "--output-dir", str(tmp_path / "out")]
    assert main([*TINY, *arguments]) == 1
    assert "tcn_jnet learns from simulated motion only" in capsys.readouterr().err


SMALL = """
task: {task}
model: {model}
loop: {{steps: 4, batch_size: 2, warmup_steps: 1, validate_every: 2, device: cpu}}
"""
MODELS = {"ti_mae": "{width: 8, depth: 1}", "resnet1d": "{width: 16, dilations: [1], learned: 2}"}


def test_networks_learn_from_what_calibrate_leaves(tmp_path, monkeypatch, capsys):
    """Two observed planets: Ti-MAE needs no more, ResNet-1D their labels, too."""
    monkeypatch.setattr(folder, "FEWEST_LABELS", 1)
    monkeypatch.setattr(observed, "simulated_prior", lambda seed: simulated_prior(seed, 60))
    planets, seen = draw_planets(2, seed=3), tmp_path / "seen"
    cache = Cache(seen / "products", CalibrationSettings(), Observation, ("calibration",))
    for planet in planets:
        make = partial(simulate_observation, planet, seed=0)
        cache.fetch(f"train_{planet.planet_id}_0", [], make)
    for task, model in MODELS.items():
        (tmp_path / f"{task}.yaml").write_text(SMALL.format(task=task, model=model))
    options = ["--data-dir", str(seen), "--output-dir", str(seen / "weights"), "--json"]
    ti_mae, resnet1d = (
        ["train", "--config", str(tmp_path / f"{task}.yaml"), *options] for task in MODELS
    )
    assert main(ti_mae) == 0
    (card,) = json.loads(capsys.readouterr().out)
    assert card["command"] == "ariel-kit train --config ti_mae.yaml --data-dir seen"
    assert (card["data"]["planets"], card["data"]["held_out"]) == (1, 1)
    assert main(resnet1d) == 1
    assert "needs true spectra; none are given" in capsys.readouterr().err
    write_tables(seen, train=planets, test=[])
    for _ in range(2):  # the second time all is found, beside the observations
        assert main(resnet1d) == 0
        (card,) = json.loads(capsys.readouterr().out)
        assert (card["data"]["planets"], card["data"]["held_out"]) == (1, 1)
        assert str(tmp_path) not in json.dumps(card)
    assert create_model("resnet1d", weights=seen / "weights" / "resnet1d").config["width"] == 16
