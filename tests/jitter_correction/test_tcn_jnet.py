"""TCN-JNet: length of its output, receptive field, and symmetry of the latter in time."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ariel_kit.jitter_correction.pointing import MOMENTS, N_CHANNELS
from ariel_kit.jitter_correction.tcn_jnet import MIN_LOG_VARIANCE, TCNJNet
from ariel_kit.models import create_model

SMALL = {"width": 6, "dilations": (1, 2, 4)}


@pytest.fixture
def network() -> TCNJNet:
    torch.manual_seed(5)
    return create_model("tcn_jnet", **SMALL)


def random_motion(length: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(length)
    return torch.randn((2, length, N_CHANNELS), generator=generator)


@pytest.mark.parametrize("length", [1, 2, 3, 7, 64, 101])
def test_every_length_is_kept(network: TCNJNet, length: int) -> None:
    answer = network(random_motion(length))
    assert {name: tuple(t.shape) for name, t in answer.items()} == {
        "mean": (2, length, len(MOMENTS)),
        "log_variance": (2, length, len(MOMENTS)),
    }


def test_an_answer_depends_on_its_receptive_field_and_on_nothing_else(network: TCNJNet) -> None:
    motion = random_motion(101).requires_grad_()
    network(motion)["mean"][:, 50].sum().backward()
    seen = np.flatnonzero(motion.grad.abs().sum(dim=(0, 2)).numpy() > 0)
    reach = network.receptive_field // 2
    assert network.receptive_field == 1 + 4 * (1 + 2 + 4)
    assert seen.tolist() == list(range(50 - reach, 50 + reach + 1))


def test_the_default_sees_ten_minutes_and_is_small() -> None:
    network = create_model("tcn_jnet")
    assert network.receptive_field * 4.8 == pytest.approx(600)
    assert sum(p.numel() for p in network.parameters()) < 3e5


def test_a_shifted_series_gives_the_shifted_answer(network: TCNJNet) -> None:
    motion = random_motion(101)
    with torch.no_grad():
        whole, part = network(motion)["mean"], network(motion[:, 10:])["mean"]
    reach = network.receptive_field // 2
    assert torch.allclose(whole[:, 10 + reach :], part[:, reach:], atol=1e-5)
    assert not torch.allclose(whole[:, 10], part[:, 0], atol=1e-5)


def test_a_network_with_mirrored_taps_gives_the_mirrored_answer(network: TCNJNet) -> None:
    """If the taps of all convolutions are mirrored, the output is mirrored in time."""
    motion = random_motion(41)
    with torch.no_grad():
        expected = network(motion)["mean"].flip(1)
        for block in network.blocks:
            for layer in (block.first, block.second):
                layer.weight = layer.weight.flip(2)
        assert torch.allclose(network(motion.flip(1))["mean"], expected, atol=1e-5)


def test_the_variance_may_become_small_but_not_zero(network: TCNJNet) -> None:
    with torch.no_grad():
        network.head.bias[len(MOMENTS) :] = -1e4
        log_variance = network(random_motion(5))["log_variance"]
    assert log_variance.numpy() == pytest.approx(MIN_LOG_VARIANCE)


def test_the_config_builds_the_same_network(network: TCNJNet) -> None:
    twin = create_model("tcn_jnet", **network.config)
    twin.load_state_dict(network.state_dict(), strict=True)
    motion = random_motion(9)
    assert torch.equal(twin(motion)["mean"], network(motion)["mean"])


def test_every_weight_learns(network: TCNJNet) -> None:
    answer = network(random_motion(30))
    (answer["mean"].square().sum() + answer["log_variance"].sum()).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())
