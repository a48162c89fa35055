"""What every registered network owes, full size and micro alike."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import load_file

from ariel_kit.core.errors import WeightsError
from ariel_kit.core.revisions import REVISIONS
from ariel_kit.models import (
    ModelCard,
    create_model,
    find_weights,
    list_models,
    load_card,
    save_weights,
)
from ariel_kit.models.weights import GOLDEN_FILE, SHIPPED, golden_outputs, named_outputs
from ariel_kit.training.recipes import load_orders

MAX_PARAMETERS = 5_000_000
MAX_WEIGHT_BYTES = 20_000_000
NAMES = list_models(micro=True)
SHIPPED_NAMES = [name for name in NAMES if find_weights(name) is not None]


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def seeded(name: str, seed: int = 1) -> torch.nn.Module:
    """A network with random weights, none of them exactly 0: a fresh head may be silent."""
    torch.manual_seed(seed)
    model = create_model(name)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.02 * torch.randn_like(parameter)
    return model


def inputs_of(model: torch.nn.Module, batch: int, seed: int = 2) -> dict[str, torch.Tensor]:
    return model.example_inputs(batch, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", NAMES)
def test_its_configuration_builds_it_again(name):
    model = create_model(name)
    again = create_model(name, **json.loads(json.dumps(model.config)))
    assert again.config == model.config
    shapes = [{key: t.shape for key, t in m.state_dict().items()} for m in (model, again)]
    assert shapes[0] == shapes[1]
    assert sum(parameter.numel() for parameter in model.parameters()) < MAX_PARAMETERS


@pytest.mark.parametrize("name", NAMES)
def test_examples_follow_from_the_generator(name):
    model = create_model(name)
    first, second, other = (inputs_of(model, 2, seed) for seed in (5, 5, 6))
    assert all(len(tensor) == 2 for tensor in first.values())
    assert all(torch.equal(tensor, second[key]) for key, tensor in first.items())
    assert not all(torch.equal(tensor, other[key]) for key, tensor in first.items())


@pytest.mark.parametrize("name", NAMES)
def test_outputs_are_finite_and_each_planet_stands_alone(name):
    model = seeded(name)
    inputs = inputs_of(model, 2)
    with torch.no_grad():
        together = named_outputs(model(**inputs))
        alone = named_outputs(model(**{key: tensor[1:] for key, tensor in inputs.items()}))
        again = named_outputs(model(**inputs))
    assert together
    for key, tensor in together.items():
        assert torch.isfinite(tensor).all(), key
        assert torch.equal(tensor, again[key]), key
        if tensor.ndim and len(tensor) == 2:  # not a template that belongs to no planet
            torch.testing.assert_close(tensor[1:], alone[key], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("test_")])
def test_in_mixed_precision_answers_are_float32_and_near(name):
    """bfloat16 keeps 8 bits: a chain of layers may lose 5 % of an answer, in the Euclidean norm."""
    model = seeded(name)
    inputs = inputs_of(model, 2)
    with torch.no_grad():
        exact = named_outputs(model(**inputs))
        with torch.autocast("cpu", torch.bfloat16):
            mixed = named_outputs(model(**inputs))
    for key, tensor in exact.items():
        assert mixed[key].dtype == tensor.dtype, key
        assert (mixed[key] - tensor).float().norm() < 0.05 * tensor.float().norm(), key


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_is_taught(name):
    model = seeded(name).train()
    outputs = named_outputs(model(**inputs_of(model, 2)))
    weigh = torch.Generator().manual_seed(3)
    loss = sum((torch.randn(t.shape, generator=weigh) * t).sum() for t in outputs.values())
    loss.backward()
    untaught = [
        key for key, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0
    ]
    assert untaught == []
    assert all(torch.isfinite(parameter.grad).all() for parameter in model.parameters())


@pytest.mark.parametrize("name", NAMES)
def test_saved_and_loaded_it_answers_bit_for_bit(name, tmp_path):
    model = seeded(name)
    save_weights(model, tmp_path, ModelCard(model=name))
    loaded = create_model(name, weights=tmp_path)
    ours, theirs = model.state_dict(), loaded.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(tensor, theirs[key]) for key, tensor in ours.items())
    inputs = inputs_of(model, 1)
    answer = golden_outputs(loaded, inputs)
    for key, tensor in golden_outputs(model, inputs).items():
        assert torch.equal(tensor, answer[key]), key


@pytest.mark.parametrize("name", SHIPPED_NAMES)
def test_shipped_weights_still_give_their_golden_output(name):
    stored = load_file(SHIPPED / name / GOLDEN_FILE)
    inputs = {
        key.removeprefix("input."): tensor
        for key, tensor in stored.items()
        if key.startswith("input.")
    }
    outputs = golden_outputs(create_model(name, weights="default"), inputs)
    assert outputs.keys() == {key for key in stored if key.startswith("output.")}
    for key, tensor in outputs.items():
        torch.testing.assert_close(tensor, stored[key], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", SHIPPED_NAMES)
def test_shipped_cards_are_complete(name):
    card = load_card(SHIPPED / name)
    assert card.model == name
    assert card.command.startswith("ariel-kit train --config ")
    assert card.data
    assert card.limits.endswith(".")
    assert card.score is not None
    assert card.settings["data"]["folder"] is None, "trained on the kit's own simulator only"


@pytest.mark.parametrize("name", SHIPPED_NAMES)
def test_the_command_on_a_shipped_card_still_asks_for_the_same_training(name):
    card = load_card(SHIPPED / name)
    words = card.command.split()
    overrides = [words[i + 1] for i, word in enumerate(words) if word == "--set"]
    orders = load_orders(words[words.index("--config") + 1], overrides)
    (order,) = (order for order in orders if order.task == name)
    asked, done = order.model_dump(mode="json"), dict(card.settings)
    if "all" in words:  # the folder of the weights trained before
        asked.pop("pretrained"), done.pop("pretrained")
    assert asked == done


def test_all_shipped_weights_stay_small():
    files = [path for path in SHIPPED.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < MAX_WEIGHT_BYTES


def test_weights_of_another_revision_are_refused(monkeypatch):
    monkeypatch.setitem(REVISIONS, "fit", 99)
    with pytest.raises(WeightsError, match=r"'resnet1d' were made by fit \d+, which is 99"):
        create_model("resnet1d", weights="default")
    create_model("tcn_jnet", weights="default")  # knows nothing of the fit
