"""Every shipped recipe of a training loads through the parser that `ariel-kit train` uses."""

from __future__ import annotations

from pathlib import Path

import pytest

import ariel_kit
from ariel_kit.core.errors import ConfigError, UnknownNameError
from ariel_kit.models import create_model
from ariel_kit.training.recipes import load_orders
from ariel_kit.training.tasks import TASKS, find_task, physnet

RECIPES = sorted((Path(ariel_kit.__file__).parent / "configs" / "train").glob("*.yaml"))


def test_there_is_a_recipe_of_every_task_and_one_of_all():
    assert {path.stem for path in RECIPES} == {*TASKS, "all", "tiny"}
    assert [order.task for order in load_orders("all")] == list(TASKS)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_shipped_recipes_load_and_say_what_they_are_for(path, monkeypatch):
    # Whether the encoder in the package is of today's revision is no matter of a recipe.
    monkeypatch.setattr(physnet, "_check_teacher", lambda: None)
    assert path.read_text().startswith("# ")
    for order in load_orders(path.stem):
        assert type(order) is find_task(order.task).TaskSettings
        assert find_task(order.task).make_task(order).name == order.task
        assert create_model(order.task, **order.model).config.items() >= order.model.items()


@pytest.mark.parametrize("name", [*TASKS, "tiny"])
@pytest.mark.parametrize(
    ("override", "hint"),
    [
        ("loop.stepz=3", "Did you mean 'loop.steps'"),
        ("data.foldr=x", "Did you mean 'data.folder'"),
        ("sead=3", "Did you mean 'seed'"),
        ("loop.precision=fp8", "loop.precision: Input should be 'no', 'fp16' or 'bf16'"),
        ("loop.steps=0", "loop.steps: Input should be greater than 0"),
    ],
)
def test_wrong_keys_and_values_are_refused_with_a_hint(name, override, hint):
    with pytest.raises(ConfigError, match=hint):
        load_orders(name, [override])


def test_overrides_reach_every_training_of_several():
    assert [order.seed for order in load_orders("all", ["seed=9"])] == [9, 9, 9, 9]


def test_a_bare_no_is_a_precision_though_yaml_reads_it_as_false():
    (order,) = load_orders("tiny", ["loop.precision=no"])
    assert order.loop.precision == "no"


def test_recipes_without_a_known_task_are_refused(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text("seed: 3\n")
    with pytest.raises(ConfigError, match="task: Field required"):
        load_orders(str(path))
    path.write_text("task: fysnet\n")
    with pytest.raises(UnknownNameError, match=r"Unknown task 'fysnet'\. Did you mean 'physnet'"):
        load_orders(str(path))
    path.write_text("recipes: [tiny]\nsead: 3\n")
    with pytest.raises(ConfigError, match=r"sead: .* Known: recipes\."):
        load_orders(str(path))
    with pytest.raises(UnknownNameError, match=r"Unknown recipe 'tinny'\. Did you mean 'tiny'"):
        load_orders("tinny")
