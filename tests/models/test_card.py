"""A card says what weights are good for; a damaged one is refused in a sentence."""

from __future__ import annotations

import json
import math

import pytest

from ariel_kit.core.errors import WeightsError
from ariel_kit.core.revisions import REVISIONS
from ariel_kit.models import ModelCard, create_model, list_models, load_card, save_weights
from ariel_kit.models.weights import CARD_FILE, SHIPPED


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Weights of a micro network."""
    folder = tmp_path_factory.mktemp("weights")
    save_weights(create_model("test_resnet1d"), folder, ModelCard(model="test_resnet1d"))
    return folder


def damaged(folder, **changes) -> None:
    """Write the card of the folder again, with other values."""
    path = folder / CARD_FILE
    if not (folder / "sound.json").exists():
        (folder / "sound.json").write_bytes(path.read_bytes())
    path.write_text(json.dumps(json.loads((folder / "sound.json").read_text()) | changes))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("model", None),
        ("model", ""),
        ("model", 7),
        ("editions", []),
        ("editions", [2030]),
        ("editions", 2024),
        ("revisions", {"fit": "1"}),
        ("revisions", {"fit": -1}),
        ("revisions", None),
        ("data", []),
        ("settings", "none"),
        ("seed", -1),
        ("seed", 2.5),
        ("seed", 10**30),
        ("seed", True),
        ("score", "good"),
        ("score", math.nan),
        ("score", math.inf),
        ("config", None),
        ("parameters", -3),
        ("parameters", 10**40),
        ("sha256", "abc"),
        ("sha256", None),
        ("kit_version", 1),
    ],
)
def test_a_wrong_value_is_named_and_refused(folder, field, value):
    damaged(folder, **{field: value})
    with pytest.raises(WeightsError, match=rf"no card: \d problem\(s\)\n  {field}.*\nCopy the"):
        load_card(folder)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "7", "[" * 100_000, "\x00"])
def test_what_is_no_mapping_is_refused(folder, text):
    damaged(folder)
    (folder / CARD_FILE).write_text(text)
    with pytest.raises(WeightsError, match=r"card\.json is no card.*copy or train it again"):
        load_card(folder)


@pytest.mark.parametrize(
    ("config", "fault"),
    [
        ({}, "builds .* parameters, and the card says"),
        ({"width": "many"}, "builds no test_resnet1d"),
        ({"width": -4}, "builds no test_resnet1d"),
        ({"width": None}, "builds no test_resnet1d"),
        ({"width": 9_999}, "builds .* parameters, and the card says"),
        ({"width": 10**6}, "must hold numbers up to 10000; width is larger"),
        ({"dilations": [1, 10**9]}, "must hold numbers up to 10000; dilations is larger"),
        ({"width": 10**30}, "must hold numbers up to 10000; width is larger"),
        ({"colour": "red"}, "Unknown argument of test_resnet1d 'colour'"),
    ],
)
def test_a_config_that_builds_another_network_is_refused_before_it_takes_memory(
    folder, config, fault
):
    damaged(folder, config=config, **({} if config else {"parameters": 1}))
    with pytest.raises(WeightsError, match=rf"the config of .*card\.json .*{fault}"):
        create_model("test_resnet1d", weights=folder)


def test_weights_hold_for_the_editions_and_revisions_that_their_card_states(monkeypatch):
    card = ModelCard(model="resnet1d", editions=[2024], revisions={"fit": REVISIONS["fit"]})
    assert card.objection(2024) is None
    assert "holds for edition 2024, and the data are of 2025" in card.objection(2025)
    monkeypatch.setitem(REVISIONS, "simulation", 99)  # the card does not rest on it
    assert card.objection(2024) is None
    monkeypatch.setitem(REVISIONS, "fit", 99)
    assert card.objection(2024).endswith("which is 99 today: learn it anew")


def test_weights_that_state_no_revision_are_of_an_unknown_one():
    assert "does not state what made it" in ModelCard(model="resnet1d").objection(2024)


@pytest.mark.parametrize("name", list_models())
def test_shipped_cards_say_what_a_user_has_to_know(name):
    card = load_card(SHIPPED / name)
    assert card.licence == "MIT"
    assert card.editions == [2024]
    assert card.command == f"ariel-kit train --config {name}"
    assert card.data
    assert card.limits
    assert set(card.revisions) <= set(REVISIONS)
    assert card.revisions
