"""The denoising networks: no leakage of hidden cells, loading, and the identity."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from ariel_kit.core.errors import WeightsError
from ariel_kit.denoising.encoder import PATCH, Encoder
from ariel_kit.denoising.maps import CELLS, CHANNELS
from ariel_kit.denoising.spectral_conv import SpectralConv2d
from ariel_kit.denoising.template_attention import TemplateAttention
from ariel_kit.denoising.ti_mae import draw_hidden
from ariel_kit.models import ModelCard, create_model, load_weights, save_weights


@pytest.mark.parametrize("size", [(12, 12), (13, 9), (7, 11), (3, 2)])
def test_the_fourier_layer_is_the_transform_of_its_definition(size: tuple[int, int]) -> None:
    """Against numpy's complex transform with the filter written out mode by mode."""
    torch.manual_seed(0)
    layer = SpectralConv2d(2, 4)
    maps = torch.randn(1, 2, *size)
    weight = torch.view_as_complex(layer.weight.detach())
    spectrum = np.fft.fft2(maps.numpy(), norm="ortho")
    mixed = np.zeros_like(spectrum)
    up, across = min(4, (size[0] + 1) // 2), min(4, size[1] // 2 + 1)
    for row in range(1 - up, up):
        for column in range(across):
            here = weight[:, :, row + 3, column].numpy()
            mixed[0, :, row, column] = spectrum[0, :, row, column] @ here
    expected = np.fft.irfft2(mixed[..., : size[1] // 2 + 1], s=size, norm="ortho")
    assert np.allclose(layer(maps).detach().numpy(), expected, atol=1e-5)


def test_the_fourier_layer_keeps_nothing_of_higher_modes() -> None:
    layer = SpectralConv2d(1, 3)
    wave = torch.cos(2 * torch.pi * 5 * torch.arange(16) / 16).expand(1, 1, 16, 16)
    assert layer(wave).abs().max() < 1e-5
    assert layer(torch.ones(1, 1, 16, 16)).abs().max() > 1e-3


def test_every_template_can_move_every_token() -> None:
    torch.manual_seed(0)
    layer = TemplateAttention(8, 2, 5, 48)
    templates = torch.randn(1, 5, 48, requires_grad=True)
    answer = layer(torch.randn(1, 8, 3, 4), templates)
    assert answer.shape == (1, 8, 3, 4)
    answer[0, :, 2, 3].sum().backward()
    assert (templates.grad.abs().amax(dim=2) > 0).all()


def test_what_is_hidden_cannot_be_seen() -> None:
    """Sparse masking: hidden stretches change no feature, visible ones do."""
    torch.manual_seed(0)
    encoder = Encoder(channels=CHANNELS, width=8, depth=2).eval()
    maps = torch.randn(2, CHANNELS, CELLS, CELLS)
    hidden = draw_hidden(2, torch.Generator().manual_seed(1))
    side = CELLS // PATCH
    visible = (~hidden).float()[:, None, :, None].expand(-1, 1, -1, side)
    over = hidden.repeat_interleave(PATCH, dim=1)[:, None, :, None]
    other = torch.where(over, torch.randn_like(maps), maps)
    with torch.no_grad():
        for first, second in zip(encoder(maps, visible), encoder(other, visible), strict=True):
            assert torch.equal(first, second)
        assert not torch.equal(encoder(maps)[1], encoder(other)[1])
        changed = encoder(torch.where(over, maps, maps + 1), visible)[1]
    assert not torch.allclose(changed, encoder(maps, visible)[1])


def test_half_of_the_stretches_are_hidden() -> None:
    hidden = draw_hidden(200, torch.Generator().manual_seed(0))
    assert (hidden.sum(1) == CELLS // PATCH // 2).all()
    assert 0.35 < hidden.float().mean(0).min() < hidden.float().mean(0).max() < 0.65


def test_reconstruction_depends_on_what_is_visible_only() -> None:
    torch.manual_seed(0)
    model = create_model("test_ti_mae")
    maps = torch.randn(1, CHANNELS, CELLS, CELLS)
    hidden = draw_hidden(1, torch.Generator().manual_seed(1))
    over = hidden.repeat_interleave(PATCH, dim=1)[:, None, :, None]
    other = torch.where(over, torch.zeros(()), maps)
    assert torch.equal(model(maps, hidden), model(other, hidden))


def card(name: str) -> ModelCard:
    return ModelCard(model=name, data={}, seed=0, command="none", limits="A test.")


def test_every_tensor_of_the_pre_trained_encoder_reaches_physnet(tmp_path: Path) -> None:
    torch.manual_seed(0)
    source, target = create_model("test_ti_mae"), create_model("test_physnet")
    before = {name: tensor.clone() for name, tensor in target.state_dict().items()}
    save_weights(source, tmp_path, card("test_ti_mae"))
    load_weights(target, tmp_path, prefix="encoder.")
    after, wanted = target.state_dict(), source.state_dict()
    names = [name for name in after if name.startswith("encoder.")]
    assert names == [name for name in wanted if name.startswith("encoder.")]
    assert all(torch.equal(after[name], wanted[name]) for name in names)
    assert all(torch.equal(after[name], before[name]) for name in after if name not in names)


def test_a_pre_trained_tensor_that_is_left_out_is_an_error(tmp_path: Path) -> None:
    source = create_model("test_ti_mae")
    left_out = "encoder.stem.0.bias"
    source.encoder.stem[0].bias = None
    save_weights(source, tmp_path, card("test_ti_mae"))
    with pytest.raises(WeightsError, match=left_out):
        load_weights(create_model("test_physnet"), tmp_path, prefix="encoder.")


def test_an_untrained_network_hardly_corrects() -> None:
    """An untrained network hardly changes the drift model."""
    torch.manual_seed(0)
    model = create_model("test_physnet")
    with torch.no_grad():
        answer = model(**model.example_inputs(4, torch.Generator().manual_seed(0)))
    assert answer["log_scale"].abs().max() < 0.05
    assert answer["drift"].abs().max() < 0.5


def test_the_shift_is_read_from_the_map() -> None:
    model = create_model("test_physnet")
    inputs = model.example_inputs(3, torch.Generator().manual_seed(0))
    with torch.no_grad():
        answer = model(**inputs)
    missed = (answer["drift"] * inputs["spread"]).numpy()
    for b in range(3):
        along = inputs["along_wavelength"][b].numpy() @ (
            inputs["along_time"][b].numpy() @ missed[b]
        )
        assert np.allclose(answer["shift"][b].numpy(), along, atol=1e-6)
