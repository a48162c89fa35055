"""The loop reaches known optima, goes on where it stopped, and says what went wrong."""

from __future__ import annotations

import csv
import io
import json
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from torch import nn

from ariel_kit.core.errors import ConfigError, FitError, UnknownNameError
from ariel_kit.core.runtime import torch_threads
from ariel_kit.models import (
    create_model,
    find_weights,
    load_card,
    register_model,
    registry,
    weights,
)
from ariel_kit.training import tasks
from ariel_kit.training.checkpoint import CHECKPOINT_FILE
from ariel_kit.training.engine import learning_rate, weight_groups
from ariel_kit.training.loop import train, train_all
from ariel_kit.training.settings import LoopSettings, TrainSettings
from tests.support.line_task import LOOP, Line, LineTask, order, run, weights_of

pytestmark = pytest.mark.usefixtures("line")


def history_of(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((folder / "history.csv").read_text().splitlines()))


def test_the_loop_reaches_least_squares(tmp_path):
    settings = order(steps=400, learning_rate=0.1, weight_decay=0.0, ema_decay=0.9, clip_norm=10)
    card = run(settings, tmp_path)
    task = LineTask(settings)
    design = np.column_stack([task.x, np.ones(64)])
    best, *_ = np.linalg.lstsq(design, task.y, rcond=None)
    loaded = weights_of(tmp_path)
    found = np.append(loaded["linear.weight"].numpy(), loaded["linear.bias"].numpy())
    np.testing.assert_allclose(found, best, atol=2e-4)
    assert card.score == pytest.approx(((design @ best - task.y) ** 2).mean(), rel=1e-4)


def test_decay_pulls_at_matrices_and_leaves_vectors_alone():
    groups = weight_groups(nn.Sequential(nn.Conv1d(1, 2, 3), nn.LayerNorm(2)), 0.1)
    shapes = [[tuple(p.shape) for p in group["params"]] for group in groups]
    assert shapes == [[(2, 1, 3)], [(2,), (2,), (2,)]]
    assert [group["weight_decay"] for group in groups] == [0.1, 0.0]


def test_the_rate_rises_and_falls_as_a_cosine():
    loop = LoopSettings(steps=50, warmup_steps=10, learning_rate=0.4)
    rates = np.array([learning_rate(step, loop) for step in range(50)])
    np.testing.assert_allclose(rates[:10], 0.04 * np.arange(1, 11))
    np.testing.assert_allclose(rates[10:], 0.2 * (1 + np.cos(np.pi * np.arange(40) / 40)))


def test_two_trainings_are_equal_bit_for_bit(tmp_path):
    settings = order(steps=20, model={"dropout": 0.3})
    first, second = (run(settings, tmp_path / name) for name in "ab")
    assert first.sha256 == second.sha256
    for name in ("card.json", "history.csv", "golden.safetensors", "settings.yaml"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert run(order(seed=2, steps=20), tmp_path / "c").sha256 != first.sha256


def test_a_loss_that_is_not_finite_is_an_error(tmp_path):
    settings = order(steps=20)
    task = LineTask(settings)
    task.spoil_at = 13
    with pytest.raises(FitError, match="must stay finite; got nan after 12 steps"):
        train(task, settings, tmp_path)


def test_it_stops_early_and_keeps_the_best_average(tmp_path, caplog):
    caplog.set_level("INFO", "ariel_kit")

    class Misled(LineTask):
        """Learns the wrong line: the held-out loss only rises from some point on."""

        def batch(self, rng, size):
            batch = super().batch(rng, size)
            return batch | {"y": batch["y"] * (-1 if self.drawn > 30 else 1)}

    settings = order(steps=1000, learning_rate=0.05, ema_decay=0.5, patience=3)
    task = Misled(settings)
    card = train(task, settings, tmp_path)
    history = history_of(tmp_path)
    losses = [float(row["validation_loss"]) for row in history]
    best = int(np.argmin(losses))
    assert task.drawn == int(history[-1]["step"]) == int(history[best]["step"]) + 30 < 1000
    assert card.score == losses[best] < losses[-1]
    assert caplog.messages[-1] == "test_line: stopped early: no better for 3 validations"
    caplog.clear()
    assert train(Misled(settings), settings, tmp_path) == card
    done = f"test_line: already finished at step {task.drawn}; nothing is trained"
    assert caplog.messages == [done]
    loaded = create_model("test_line", weights=tmp_path)
    x, y = torch.from_numpy(task.x), torch.from_numpy(task.y)
    assert (loaded(x) - y).square().mean().item() == pytest.approx(card.score, rel=1e-5)


def test_the_average_is_that_of_the_weights(tmp_path):
    """After two steps of warm-up the average is a known blend; validation sees it."""
    settings = order(steps=2, warmup_steps=2, ema_decay=0.25)
    run(settings, tmp_path)
    state = torch.load(tmp_path / CHECKPOINT_FILE, weights_only=True)
    one = order(steps=1, warmup_steps=2, ema_decay=0.25)
    run(one, tmp_path / "one")
    first = torch.load(tmp_path / "one" / CHECKPOINT_FILE, weights_only=True)["model"]
    expected = 0.25 * first["linear.weight"] + 0.75 * state["model"]["linear.weight"]
    torch.testing.assert_close(state["ema"]["linear.weight"], expected)


@pytest.mark.parametrize("clip_norm", [0.1, 1e6])
def test_long_gradients_are_cut(tmp_path, clip_norm):
    """Adam's first moment after one step is a tenth of the gradient that it was given."""
    settings = order(steps=1, clip_norm=clip_norm)
    run(settings, tmp_path)
    state = torch.load(tmp_path / CHECKPOINT_FILE, weights_only=True)["optimizer"]["state"]
    given = 10 * torch.cat([moments["exp_avg"].flatten() for moments in state.values()])
    torch.manual_seed(settings.seed)
    task = LineTask(settings)
    model = task.build()
    task.loss(model, task.batch(np.random.default_rng([settings.seed, 0]), 64)).backward()
    raw = torch.cat([parameter.grad.flatten() for parameter in model.parameters()])
    assert 0.1 < raw.norm() < 1e6
    torch.testing.assert_close(given, raw * min(1.0, clip_norm / raw.norm().item()))


def test_the_folder_says_where_the_weights_come_from(tmp_path):
    settings = order(steps=10)
    card = run(settings, tmp_path, command="ariel-kit train --config line")
    assert card == load_card(tmp_path)
    assert (card.model, card.seed, card.limits) == ("test_line", 1, "Good for lines.")
    assert card.command == "ariel-kit train --config line"
    assert card.data == {"items": 64}
    assert card.settings == settings.model_dump(mode="json")
    assert yaml.safe_load((tmp_path / "settings.yaml").read_text()) == card.settings
    assert {"torch", "timm", "accelerate"} <= set(
        json.loads((tmp_path / "versions.json").read_text())
    )
    (row,) = history_of(tmp_path)
    assert float(row["validation_loss"]) == card.score
    assert int(row["step"]) == 10
    assert float(row["learning_rate"]) == learning_rate(9, settings.loop)


def test_progress_names_steps(tmp_path, monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    run(order(steps=10), tmp_path)
    lines = stream.getvalue().splitlines()
    assert lines[-1].startswith("train test_line: 10/10 steps, ")
    assert "steps/s" in lines[-1]


def test_precision_that_the_device_lacks_is_refused_and_bfloat16_learns(tmp_path):
    with pytest.raises(ConfigError, match="fp16 needs a CUDA device"):
        run(order(steps=10, precision="fp16"), tmp_path)
    exact = run(order(steps=60, learning_rate=0.1, ema_decay=0.9), tmp_path / "no")
    mixed = run(order(steps=60, learning_rate=0.1, ema_decay=0.9, precision="bf16"), tmp_path / "b")
    assert mixed.score == pytest.approx(exact.score, rel=0.05)
    assert mixed.sha256 != exact.sha256
    assert all(t.dtype == torch.float32 for t in weights_of(tmp_path / "b").values())


def test_train_all_leaves_a_folder_of_weights(tmp_path, monkeypatch):
    @register_model
    def test_pupil(**changes: float) -> Line:
        return Line(**changes)

    class Pupil(LineTask):
        name = "test_pupil"

        def build(self) -> nn.Module:
            model = create_model(self.name)
            weights.load_weights(model, Path(self.settings.pretrained))
            return model

    module = types.ModuleType("pupil_task")
    module.TaskSettings, module.make_task = TrainSettings, Pupil
    monkeypatch.setitem(sys.modules, "pupil_task", module)
    monkeypatch.setitem(tasks.TASKS, "test_pupil", "pupil_task")
    monkeypatch.setitem(tasks.PRETRAINED_BY, "test_pupil", "test_line")
    teacher = order(steps=30, learning_rate=0.1)
    pupil = TrainSettings(task="test_pupil", loop=LOOP | {"steps": 10, "learning_rate": 1e-9})
    cards = train_all([teacher, pupil], tmp_path)
    assert [card.model for card in cards] == ["test_line", "test_pupil"]
    assert find_weights("test_line", tmp_path) == tmp_path / "test_line"
    taught = create_model("test_pupil", weights=tmp_path / "test_pupil").state_dict()
    for key, tensor in weights_of(tmp_path / "test_line").items():
        torch.testing.assert_close(taught[key], tensor, atol=1e-6, rtol=0)
    del registry._entries["test_pupil"]


def test_unknown_tasks_are_told():
    with pytest.raises(UnknownNameError, match=r"Unknown task 'phisnet'\. Did you mean 'physnet'"):
        tasks.find_task("phisnet")
    assert list(tasks.TASKS)[:4] == ["tcn_jnet", "ti_mae", "physnet", "resnet1d"]


def test_torch_has_its_threads_back_after_a_training(tmp_path):
    before = torch.get_num_threads()
    with torch_threads(before + 1):
        run(order(steps=10), tmp_path)
        assert torch.get_num_threads() == before + 1


def test_a_missing_gpu_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match="device=cuda needs a GPU"):
        run(order(steps=10, device="cuda"), tmp_path)
