"""A training that is interrupted goes on in the same bits, and only where it belongs."""

from __future__ import annotations

import pytest

from ariel_kit.core.errors import ConfigError, DataFileError
from ariel_kit.core.revisions import REVISIONS
from ariel_kit.training.checkpoint import CHECKPOINT_FILE
from ariel_kit.training.loop import train
from tests.support.line_task import LineTask, order, run

pytestmark = pytest.mark.usefixtures("line")


@pytest.mark.parametrize("stop_at", [3, 27, 40])
def test_a_resumed_training_ends_in_the_same_bits(tmp_path, stop_at):
    settings = order(steps=40, model={"dropout": 0.3})
    whole = run(settings, tmp_path / "whole")
    task = LineTask(settings)
    task.stop_at = stop_at
    with pytest.raises(KeyboardInterrupt):
        train(task, settings, tmp_path / "parts")
    again = LineTask(settings)
    resumed = train(again, settings, tmp_path / "parts")
    assert again.drawn == 40 - (stop_at - 1) // 10 * 10
    assert resumed == whole
    for name in ("model.safetensors", "history.csv", "card.json"):
        whole_bytes = (tmp_path / "whole" / name).read_bytes()
        assert (tmp_path / "parts" / name).read_bytes() == whole_bytes


def test_resume_takes_a_path_or_starts_anew(tmp_path):
    settings = order(steps=20)
    run(settings, tmp_path / "a")
    finished = LineTask(settings)
    train(finished, settings, tmp_path / "b", resume=str(tmp_path / "a"))
    assert finished.drawn == 0
    anew = LineTask(settings)
    train(anew, settings, tmp_path / "a", resume="never")
    assert anew.drawn == 20


def test_checkpoints_of_other_settings_or_damaged_ones_are_refused(tmp_path):
    run(order(steps=20), tmp_path)
    with pytest.raises(ConfigError, match=r"other settings \(loop.steps, seed\): use those"):
        run(order(steps=30, seed=2), tmp_path)
    with pytest.raises(DataFileError, match=r"nowhere\.pt is missing"):
        run(order(steps=20), tmp_path, resume=str(tmp_path / "nowhere.pt"))
    (tmp_path / CHECKPOINT_FILE).write_bytes(b"PK half a file")
    with pytest.raises(DataFileError, match="is damaged; start again with resume=never"):
        run(order(steps=20), tmp_path)


def test_a_checkpoint_of_data_of_another_revision_is_refused(tmp_path, monkeypatch):
    settings = order(steps=20)
    card = run(settings, tmp_path)
    assert card.revisions == {"simulation": REVISIONS["simulation"]}
    assert (card.licence, card.editions) == ("MIT", [2024])
    monkeypatch.setitem(REVISIONS, "fit", 99)  # takes no part in this task
    run(settings, tmp_path)
    monkeypatch.setitem(REVISIONS, "simulation", 99)
    with pytest.raises(
        ConfigError, match=r"on data of simulation \d+; the kit makes simulation 99"
    ):
        run(settings, tmp_path)
    assert run(settings, tmp_path, resume="never").revisions == {"simulation": 99}
