"""Networks are built by name; weights load whole or not at all, and every fault is named."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
import torch
from torch import nn

import ariel_kit
from ariel_kit.core.errors import UnknownNameError, WeightsError
from ariel_kit.models import (
    ModelCard,
    create_model,
    find_weights,
    list_models,
    load_card,
    load_weights,
    register_model,
    registry,
    save_weights,
    weights,
)
from ariel_kit.models.registry import find_networks
from ariel_kit.models.weights import CARD_FILE, GOLDEN_FILE, MODEL_FILE, golden_outputs


class Two(nn.Module):
    """An encoder and a head: the least that can be loaded in part."""

    def __init__(self, *, width: int = 3, head: int = 1) -> None:
        super().__init__()
        self.config = {"width": width, "head": head}
        self.encoder = nn.Linear(2, width)
        self.head = nn.Linear(width, head)

    def example_inputs(self, batch: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
        return {"x": torch.randn(batch, 2, generator=generator, device=generator.device)}

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, None, torch.Tensor]:
        hidden = self.encoder(x).tanh()
        return self.head(hidden), None, hidden


@pytest.fixture(autouse=True)
def two() -> Iterator[None]:
    @register_model
    def test_two(**changes: int) -> Two:
        return Two(**changes)

    @register_model
    def test_other(**changes: int) -> Two:
        return Two(**changes)

    yield
    del registry._entries["test_two"], registry._entries["test_other"]


@pytest.fixture
def saved(tmp_path):
    """A folder with the weights of a network of width 5."""
    model = create_model("test_two", width=5)
    card = save_weights(model, tmp_path / "test_two", ModelCard(model="test_two", seed=7))
    return model, card, tmp_path / "test_two"


def same(a: nn.Module, b: nn.Module) -> bool:
    ours, theirs = a.state_dict(), b.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(t, theirs[k]) for k, t in ours.items())


def test_the_kit_has_its_four_networks_and_a_micro_one_of_each():
    names = {"tcn_jnet", "ti_mae", "physnet", "resnet1d"}
    assert set(list_models()) == names
    assert {f"test_{name}" for name in names} <= set(list_models(micro=True))


def test_what_the_sources_hold_is_what_the_decorator_registers():
    found = find_networks(Path(ariel_kit.__file__).parent, "ariel_kit")
    for module in set(found.values()):
        import_module(module)
    entries = {name: entry.__module__ for name, entry in registry._entries.items()}
    assert found == {n: m for n, m in entries.items() if m.startswith("ariel_kit.")}


NEW_NETWORK = """
from torch import nn
from ariel_kit.models import register_model

@register_model
def one_layer(width: int = 3) -> nn.Module:
    return nn.Linear(width, 1)
"""


def test_a_new_network_is_one_file(tmp_path):
    (tmp_path / "room").mkdir()
    (tmp_path / "room" / "thing.py").write_text(NEW_NETWORK)
    assert find_networks(tmp_path, "kit") == {"one_layer": "kit.room.thing"}


def test_an_installed_package_adds_its_networks(tmp_path, monkeypatch):
    (tmp_path / "guest.py").write_text(NEW_NETWORK)
    told = tmp_path / "guest-1.0.dist-info"
    told.mkdir()
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: guest\nVersion: 1.0\n")
    (told / "entry_points.txt").write_text("[ariel_kit.models]\none_layer = guest\n")
    monkeypatch.syspath_prepend(tmp_path)
    registry._homes.cache_clear()
    assert "one_layer" in list_models()
    assert create_model("one_layer", width=5).in_features == 5
    registry._homes.cache_clear()
    del registry._entries["one_layer"], sys.modules["guest"]


def test_networks_are_built_by_name_with_changes_and_for_evaluation():
    model = create_model("test_two", width=4)
    assert model.config == {"width": 4, "head": 1}
    assert not model.training


def test_wrong_names_and_arguments_are_told_in_a_sentence():
    with pytest.raises(
        UnknownNameError, match=r"Unknown model 'test_tow'\. Did you mean 'test_two'"
    ):
        create_model("test_tow")
    with pytest.raises(UnknownNameError, match="Did you mean 'physnet'"):
        find_weights("physnett")
    match = r"Unknown argument of test_two 'widht'\. Did you mean 'width'"
    with pytest.raises(UnknownNameError, match=match):
        create_model("test_two", widht=3)


def test_weights_come_back_bit_for_bit_in_the_size_they_had(saved):
    model, card, folder = saved
    loaded = create_model("test_two", weights=folder)
    assert same(loaded, model)
    assert load_card(folder) == card
    assert (card.config, card.seed, card.parameters) == ({"width": 5, "head": 1}, 7, 21)
    assert sorted(path.name for path in folder.iterdir()) == [CARD_FILE, GOLDEN_FILE, MODEL_FILE]


def test_the_golden_output_is_what_the_loaded_network_gives(saved):
    from safetensors.torch import load_file

    _, _, folder = saved
    stored = load_file(folder / GOLDEN_FILE)
    assert set(stored) == {"input.x", "output.0", "output.2"}
    outputs = golden_outputs(create_model("test_two", weights=folder), {"x": stored["input.x"]})
    for key, tensor in outputs.items():
        torch.testing.assert_close(tensor, stored[key], rtol=0, atol=0)


def test_saving_leaves_the_network_in_the_mode_it_was_in(tmp_path):
    model = create_model("test_two").train()
    save_weights(model, tmp_path, ModelCard(model="test_two"))
    assert model.training


def test_every_tensor_that_does_not_fit_is_named(saved):
    from safetensors.torch import load_file, save_file

    model, _, folder = saved
    tensors = load_file(folder / MODEL_FILE)
    del tensors["head.bias"], tensors["encoder.bias"]
    tensors |= {"extra": torch.zeros(1), "head.weight": torch.zeros(2, 5)}
    save_file(tensors, folder / MODEL_FILE)
    rewrite_card(folder, sha256=weights.file_sha256(folder / MODEL_FILE))
    before = {key: t.clone() for key, t in model.state_dict().items()}
    with pytest.raises(WeightsError) as caught:
        load_weights(model, folder)
    text = str(caught.value)
    for part in (
        "missing: head.bias",
        "missing: encoder.bias",
        "unexpected: extra",
        "shape of head.weight: (1, 5) in the network, (2, 5) in the file",
        "train it again.",
    ):
        assert part in text
    assert all(torch.equal(t, before[key]) for key, t in model.state_dict().items())


def rewrite_card(folder, **changes) -> None:
    path = folder / CARD_FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_damaged_file_is_noticed_by_its_checksum(saved):
    model, card, folder = saved
    path = folder / MODEL_FILE
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(WeightsError, match=f"must have the SHA-256 of its card, {card.sha256}"):
        load_weights(model, folder)
    path.unlink()
    with pytest.raises(WeightsError, match=r"model\.safetensors is missing"):
        load_weights(model, folder)


def test_missing_damaged_and_foreign_cards_are_told(saved, tmp_path):
    _, _, folder = saved
    with pytest.raises(WeightsError, match="holds weights of 'test_two'; 'test_other' needs"):
        create_model("test_other", weights=folder)
    rewrite_card(folder, colour="red")
    with pytest.raises(
        WeightsError, match=r"card\.json is no card: 1 problem\(s\)\n  colour: unknown"
    ):
        load_card(folder)
    with pytest.raises(WeightsError, match=r"card\.json is missing"):
        create_model("test_two", weights=tmp_path)
    with pytest.raises(WeightsError, match="the package has no weights of 'test_two'"):
        create_model("test_two", weights="default")


def test_an_encoder_is_loaded_whole_and_nothing_else(saved):
    pretrained, _, folder = saved
    model = create_model("test_two", width=5, head=4)
    head = model.head.weight.clone()
    load_weights(model, folder, prefix="encoder.")
    assert same(model.encoder, pretrained.encoder)
    assert torch.equal(model.head.weight, head)


def test_an_encoder_with_one_tensor_left_out_is_refused(saved):
    _, _, folder = saved
    model = create_model("test_two", width=5)
    model.encoder.register_parameter("scale", nn.Parameter(torch.ones(1)))
    with pytest.raises(WeightsError, match=r"missing: encoder\.scale"):
        load_weights(model, folder, prefix="encoder.")
    with pytest.raises(WeightsError, match=r"the network has no tensor backbone\.\*"):
        load_weights(model, folder, prefix="backbone.")


def test_own_weights_are_found_before_those_of_the_package(saved):
    _, _, folder = saved
    assert find_weights("test_two", folder.parent) == folder
    assert find_weights("test_other", folder.parent) is None
    with pytest.raises(WeightsError, match="must be a folder of weights folders"):
        find_weights("test_two", folder / "nowhere")


def test_the_log_says_once_which_weights_an_own_folder_lacks(saved, caplog):
    _, _, folder = saved
    with caplog.at_level("INFO", "ariel_kit"):
        assert [find_weights("ti_mae", folder.parent) for _ in range(2)] == [
            weights.SHIPPED / "ti_mae"
        ] * 2
    assert caplog.messages == [
        f"{folder.parent} has no ti_mae: that of the package is taken, if it has one"
    ]


def test_a_folder_on_the_wrong_level_is_refused(saved):
    _, _, folder = saved
    held = r"it holds card\.json, golden\.safetensors, model\.safetensors\. Give the folder above"
    with pytest.raises(WeightsError, match=held):
        find_weights("test_two", folder)
    above = folder.parent / "above"
    (above / "weights").mkdir(parents=True)
    with pytest.raises(WeightsError, match=r"it holds weights\. Give the folder that train was"):
        find_weights("test_two", above)


@pytest.mark.parametrize("file", [CARD_FILE, MODEL_FILE])
def test_an_own_network_without_one_of_its_files_is_refused(saved, file):
    _, _, folder = saved
    (folder / file).unlink()
    with pytest.raises(WeightsError, match=f"must hold card.json and .*; {file} is missing"):
        find_weights("test_two", folder.parent)


def test_the_registry_loads_no_torch():
    code = "import sys; from ariel_kit.models import registry; registry.list_models(); "
    code += "sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
