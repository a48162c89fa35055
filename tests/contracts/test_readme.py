"""What the README tells people to type works: every verb, option, name and table."""

from __future__ import annotations

import ast
import re
import shlex
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

import ariel_kit
from ariel_kit.cli import app, main
from ariel_kit.core.citation import bibtex
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
READ = ("--data-dir", "--labels", "--sample", "--models-dir")
"""Options that name what is there already, as words without an option do."""
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


def test_what_a_command_reads_was_made_by_one_before_it():
    made = {"ariel-kit-demo"}
    for command in KIT_COMMANDS[1:]:  # the demo stands alone
        _, _, *words = shlex.split(command)
        options = {a: b for a, b in pairwise([*words, "--"]) if a[:2] == "--" != b[:2]}
        plain = words[: next((i for i, word in enumerate(words) if word[:2] == "--"), None)]
        written = {options[name] for name in ("--output-dir", "--output") if name in options}
        read = {options[name] for name in READ if name in options} | set(plain)
        assert {name.split("/")[0] for name in read} <= made, command
        made |= written


def test_the_entry_for_a_bibliography_is_that_of_the_kit():
    (entry,) = (text for language, text in BLOCKS if language == "bibtex")
    assert entry.strip() == bibtex()


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


NEW = ROOT / "ariel_kit" / "stage.py"
"""The one file of a task that does not exist yet: of a room without a name."""


def tasks() -> list[tuple[str, str]]:
    """The newcomer's tasks and what the README says of their files."""
    (section,) = re.findall(r"## Change it\n(.*?)\n## ", README, re.DOTALL)
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line[:2] == "| "]
    return [(task, files) for task, files in rows if task != "task"]


def paths_of(files: str) -> list[Path]:
    names = re.findall(r"`([\w/]+\.\w+)`", files)
    return [ROOT / n if n == "pyproject.toml" else ROOT / "ariel_kit" / n for n in names]


def test_there_are_five_tasks_of_at_most_five_files():
    assert len(tasks()) == 5
    for task, files in tasks():
        entries = files.split("; ")
        assert len(entries) <= 5, task
        assert all(paths_of(entry) for entry in entries)


@pytest.mark.parametrize("task", [task for task, _ in tasks()])
def test_files_and_names_of_a_task_exist(task):
    """A new file may be named, where the shape that it has to have stands in a file that is."""
    files = dict(tasks())[task]
    known = [path for path in paths_of(files) if path != NEW]
    for path in known:
        assert path.is_file(), path
    text = "\n".join(path.read_text(encoding="utf-8") for path in known)
    if "create_model" in files:
        text += (ROOT / "ariel_kit" / "models" / "registry.py").read_text(encoding="utf-8")
    for name in re.findall(r"`(\w+)`", files):
        assert re.search(rf"\b{name}\b", text), f"{name} is in none of {[p.name for p in known]}"


def test_named_recipes_are_shipped():
    names = re.findall(r"`(\w+)`", re.search(r"shipped recipe \((.*?)\)", README).group(1))
    shipped = (ROOT / "ariel_kit" / "configs").glob("*.yaml")
    assert sorted(names) == sorted(path.stem for path in shipped)
    for name in names:
        assert yaml.safe_load((ROOT / "ariel_kit" / "configs" / f"{name}.yaml").read_text())
