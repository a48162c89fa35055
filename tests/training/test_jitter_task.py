"""The motion that TCN-JNet learns from, against its definition and the kit's own simulator."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ariel_kit.core.config import find_recipe, load_settings
from ariel_kit.core.errors import ConfigError
from ariel_kit.jitter_correction.pointing import FRAMES, MOMENTS, N_CHANNELS, STEPS
from ariel_kit.simulation.pointing import draw_pointing
from ariel_kit.training.tasks import jitter
from ariel_kit.training.tasks.jitter import TaskSettings, draw_batch, draw_shift, make_task

TINY = {
    "task": "tcn_jnet",
    "model": {"width": 4, "dilations": [1, 2]},
    "data": {"length": 24, "validation_batches": 2, "validation_size": 3},
}


@pytest.fixture
def task() -> jitter.JitterTask:
    return make_task(TaskSettings(**TINY))


def test_a_batch_is_determined_by_its_generator(task: jitter.JitterTask) -> None:
    first, again, other = (task.batch(np.random.default_rng(s), 4) for s in (3, 3, 4))
    assert first["motion"].shape == (4, 24, N_CHANNELS)
    assert first["moments"].shape == (4, 24, len(MOMENTS))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["moments"], other["moments"])
    assert all(torch.isfinite(tensor).all() for tensor in first.values())


def test_held_out_motion_is_always_the_same(task: jitter.JitterTask) -> None:
    for one, two in zip(task.validation(), task.validation(), strict=True):
        assert all(torch.equal(one[name], two[name]) for name in one)
    assert len(task.validation()) == 2


@pytest.mark.parametrize("family", list(jitter.FAMILIES))
def test_every_family_moves_as_it_is_named(
    family: str, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    monkeypatch.setattr(jitter, "FAMILIES", {family: 1.0})
    shifts = np.stack([draw_shift(rng, 40) for _ in range(20)])
    assert shifts.shape == (20, 40 * 48, 2)
    rms = shifts.std(axis=1).mean(axis=1)
    if family == "none":
        assert not shifts.any()
    else:
        assert (rms > 1e-3).all()
        assert rms.max() < 3


def test_white_motion_is_that_of_the_simulator(
    monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    """The network's twelve frames and its targets correlate as moments of the simulator do."""
    monkeypatch.setattr(jitter, "FAMILIES", {"white": 1.0})
    batch = draw_batch(rng, 8, 1000)
    dozens = batch["motion"][:, :, 3 * FRAMES : 3 * FRAMES + 5].numpy().astype(float)
    target = batch["moments"].numpy().astype(float)
    moved = draw_pointing(rng, 8000)
    seen = moved.fgs1_odd.reshape(-1, FRAMES, 5).mean(axis=1)
    for k, name in enumerate(MOMENTS):
        assert target[..., k].std() == pytest.approx(1, abs=0.1), name
        found = np.mean([np.corrcoef(dozens[i, :, k], target[i, :, k])[0, 1] for i in range(8)])
        expected = np.corrcoef(seen[:, k], moved.airs_odd[:, k])[0, 1]
        assert found == pytest.approx(expected, abs=0.06), name
        assert expected == pytest.approx(np.sqrt(FRAMES / STEPS), abs=0.03), name


def test_without_motion_the_answer_to_learn_is_zero(
    monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    monkeypatch.setattr(jitter, "FAMILIES", {"none": 1.0})
    assert draw_batch(rng, 8, 200)["moments"].abs().max() < 1e-6


def test_the_loss_is_least_at_the_truth(task: jitter.JitterTask) -> None:
    batch = task.batch(np.random.default_rng(0), 4)

    def network(offset: float) -> object:
        mean = batch["moments"] + offset
        return lambda motion: {"mean": mean, "log_variance": torch.zeros_like(mean)}

    losses = [float(task.loss(network(offset), batch)) for offset in (-0.1, 0.0, 0.1)]
    assert min(losses) == losses[1] == pytest.approx(0.5 * np.log(2 * np.pi))


def test_real_observations_are_refused() -> None:
    settings = TaskSettings(**TINY | {"data": {"folder": "somewhere"}})
    with pytest.raises(ConfigError, match="tcn_jnet learns from simulated motion only"):
        make_task(settings)


def test_the_recipe_builds_the_default_network() -> None:
    settings = load_settings(TaskSettings, find_recipe("tcn_jnet", "train"))
    network = make_task(settings).build()
    assert settings.task == "tcn_jnet"
    assert network.receptive_field == 125
