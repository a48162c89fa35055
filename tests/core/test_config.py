"""Settings are typed, refuse typos with a hint, and survive the way through YAML."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

import ariel_kit
from ariel_kit.core.config import (
    CalibrationSettings,
    RunSettings,
    find_recipe,
    load_settings,
    make_settings,
    save_settings,
    settings_hash,
)
from ariel_kit.core.errors import ConfigError, UnknownNameError
from ariel_kit.core.fields import describe_settings
from ariel_kit.core.reference import reference_page

RECIPES = sorted((Path(ariel_kit.__file__).parent / "configs").glob("*.yaml"))


def test_settings_come_back_from_yaml(tmp_path):
    settings = load_settings(RunSettings, overrides=["calibration.bad_pixels=row", "seed=5"])
    assert settings.calibration.bad_pixels == "row"
    save_settings(settings, tmp_path / "settings.yaml")
    assert load_settings(RunSettings, tmp_path / "settings.yaml") == settings


def test_overrides_win_over_the_file(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text("seed: 3\nextraction: {extractor: white}\n")
    settings = load_settings(RunSettings, path, ["seed=9"])
    assert (settings.seed, settings.extraction.extractor) == (9, "white")


def test_settings_are_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        RunSettings().seed = 3


def test_all_problems_come_at_once_with_hints():
    values = {"sede": 1, "calibration": {"bad_pixls": "row"}, "extraction": {"bin_seconds": -4}}
    with pytest.raises(ConfigError) as caught:
        make_settings(RunSettings, values, where="run.yaml")
    first, *rest = str(caught.value).splitlines()
    assert first == "run.yaml: 3 problem(s)"
    text = "\n".join(rest)
    assert "Did you mean 'seed'?" in text
    assert "Did you mean 'calibration.bad_pixels'?" in text
    assert "extraction.bin_seconds: Input should be greater than 0 (got -4)." in text


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("foo=1", r"foo: unknown setting \(got 1\)\. Known: calibration"),
        ("calibration.bad_pixels=rwo", r"'row', .*\(got 'rwo'\)\. Did you mean 'row'\?"),
        ("stages=true", r"stages: is a group of settings, not a value \(got True\)"),
    ],
)
def test_a_bad_override_is_blamed_itself_in_the_words_of_the_kit(override, message):
    with pytest.raises(ConfigError, match=message) as caught:
        load_settings(RunSettings, RECIPES[0], ["seed=1", override])
    assert str(caught.value).startswith(f"--set {override}: 1 problem(s)")
    assert "Value error" not in str(caught.value)


def test_a_problem_of_the_file_is_not_blamed_on_an_override(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text("sede: 1\n")
    with pytest.raises(ConfigError, match=r"run\.yaml: 2 problem"):
        load_settings(RunSettings, path, ["foo=1"])


def test_unreadable_files_and_broken_overrides_are_named(tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere\.yaml is missing: name a YAML file"):
        load_settings(RunSettings, tmp_path / "nowhere.yaml")
    (tmp_path / "list.yaml").write_text("- 1\n")
    with pytest.raises(ConfigError, match="must hold a mapping of settings; got list"):
        load_settings(RunSettings, tmp_path / "list.yaml")
    with pytest.raises(ConfigError, match=r"must look like a\.b=value; got 'seed'"):
        load_settings(RunSettings, overrides=["seed"])
    with pytest.raises(ConfigError, match="'seed' is a value, not a group"):
        load_settings(RunSettings, overrides=["seed=1", "seed.x=2"])


def test_the_hash_names_the_values_and_nothing_else():
    assert settings_hash(RunSettings()) == settings_hash(make_settings(RunSettings, {"seed": 0}))
    hashes = {
        settings_hash(CalibrationSettings()),
        settings_hash(CalibrationSettings(bad_pixels="row")),
        settings_hash(CalibrationSettings(memory="tight")),
    }
    assert len(hashes) == 3
    assert all(len(name) == 12 for name in hashes)


def test_every_field_is_described():
    rows = describe_settings(RunSettings)
    names = [row[0] for row in rows]
    assert "calibration.bad_pixels" in names
    assert "extraction.extractor" in names
    assert len(set(names)) == len(names)
    for name, kinds, default, description in rows:
        assert kinds, name
        assert default != "PydanticUndefined", name
        assert description.endswith("."), name


def test_the_reference_page_names_every_setting_with_its_limits_and_every_recipe():
    page = reference_page(RunSettings)
    rows = [line.split(" | ") for line in page.splitlines() if line.startswith("| `")]
    assert [row[0] for row in rows] == [f"| `{row[0]}`" for row in describe_settings(RunSettings)]
    assert {len(row) for row in rows} == {4}
    assert "| `extraction.bin_seconds` | float, > 0, <= 1800 | 144.0 |" in page
    assert "| `budget.margin` | float, >= 0, < 1 | 0.1 |" in page
    assert [line[3:] for line in page.splitlines() if line.startswith("## ")] == sorted(
        path.stem for path in RECIPES
    )
    default = page.partition("## default")[2].partition("```yaml\n")[2].partition("```")[0]
    assert yaml.safe_load(default) == RunSettings().model_dump(mode="json")


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_shipped_recipes_load_and_say_what_they_are_for(path):
    load_settings(RunSettings, path)
    assert path.read_text().startswith("# ")


def test_recipes_are_found_by_name_and_misspelt_ones_suggested():
    assert find_recipe("default") in RECIPES
    assert find_recipe("my/own.yaml") == Path("my/own.yaml")
    with pytest.raises(UnknownNameError, match=r"Unknown recipe 'wite'\. Did you mean 'white'"):
        find_recipe("wite")


def test_the_default_recipe_lists_every_default():
    (path,) = (path for path in RECIPES if path.stem == "default")
    assert yaml.safe_load(path.read_text()) == RunSettings().model_dump(mode="json")
