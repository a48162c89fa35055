"""What the README tells people to type works: every verb, option, name and table."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path

import pytest
import yaml

import ariel_kit
from ariel_kit.cli import app, main
from ariel_kit.core.config import RunSettings, load_settings
from ariel_kit.core.instruments import AIRS, FGS1

ROOT = Path(ariel_kit.__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
COMMANDS = [
    command.strip()
    for language, text in BLOCKS
    if language == "bash"
    for line in text.splitlines()
    for command in line.split("&&")
]
KIT_COMMANDS = [command for command in COMMANDS if command.startswith("ariel-kit")]
PYTHON = [text for language, text in BLOCKS if language == "python"]


def test_the_two_promised_commands_stand_there():
    assert COMMANDS[:2] == ["pip install -e .", "ariel-kit demo"]
    assert COMMANDS[2:4] == ['pip install -e ".[dev]"', "pytest"]


@pytest.mark.parametrize("command", KIT_COMMANDS)
def test_every_command_has_a_verb_and_options_that_exist(command, capsys):
    _, verb, *rest = shlex.split(command)
    assert main([verb, "--help"]) == 0
    text = capsys.readouterr().out
    for word in rest:
        if word.startswith("--"):
            assert re.search(rf"{word}\b", text), word
    overrides = [rest[i + 1] for i, word in enumerate(rest) if word == "--set"]
    load_settings(RunSettings, overrides=overrides)


def test_most_verbs_are_shown():
    shown = {shlex.split(command)[1] for command in KIT_COMMANDS}
    names = {command.name or command.callback.__name__ for command in app.registered_commands}
    assert names - shown <= {"calibrate"}


@pytest.mark.parametrize("text", PYTHON)
def test_python_blocks_use_names_that_exist(text):
    tree = ast.parse(text)
    names = [
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "ak"
    ]
    assert names
    assert set(names) <= set(ariel_kit.__all__)


def test_the_vocabulary_agrees_with_the_instruments():
    for instrument in (AIRS, FGS1):
        (row,) = (line for line in README.splitlines() if line.startswith(f"| {instrument.name} |"))
        first, second = instrument.read_times
        assert f"{instrument.height} x {instrument.width} pixels" in row
        assert f"{instrument.n_frames:,} frames".replace(",", " ") in row
        assert f"one pair in {instrument.cadence} s (reads at {first} and {second} s)" in row


def test_modules_of_the_table_exist():
    (table,) = re.findall(r"## How each stage works\n(.*?)\n## ", README, re.DOTALL)
    for name in re.findall(r"`([\w/]+(?:\.py|/))`", table):
        assert (ROOT / "ariel_kit" / name).exists(), name


def test_named_recipes_are_shipped():
    names = re.findall(r"`(\w+)`", re.search(r"shipped recipe \((.*?)\)", README).group(1))
    shipped = (ROOT / "ariel_kit" / "configs").glob("*.yaml")
    assert sorted(names) == sorted(path.stem for path in shipped)
    for name in names:
        assert yaml.safe_load((ROOT / "ariel_kit" / "configs" / f"{name}.yaml").read_text())
