"""On a CUDA device every network answers, and learns, as on the CPU.

Differences are measured as ``|gpu - cpu| / |cpu|`` in the Euclidean norm over all elements of an
output, of all gradients, or of all that three steps changed. In float32, without TF32, only the
order of sums differs: 1e-3. bfloat16 keeps 8 bits, each rounding 0.4 %: 5 % of an output and, since
errors add up on the way back, 20 % of gradients and steps.
"""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn

from ariel_kit.models import create_model, list_models
from ariel_kit.models.weights import named_outputs
from ariel_kit.training.loop import train_all
from ariel_kit.training.recipes import load_orders

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]

BATCH, STEPS = 2, 3
PRECISIONS = {"float32": (1e-3, 1e-3), "bfloat16": (0.05, 0.2)}
NAMES = list_models(micro=True)


@pytest.fixture(autouse=True)
def plain_float32():
    """float32 means float32: no TF32, and the fastest algorithm is not looked for."""
    settings = torch.backends.cuda.matmul, torch.backends.cudnn
    before = [setting.allow_tf32 for setting in settings]
    for setting in settings:
        setting.allow_tf32 = False
    yield
    for setting, value in zip(settings, before, strict=True):
        setting.allow_tf32 = value


def network(name: str) -> tuple[nn.Module, dict[str, Tensor]]:
    """The network (dropout off: it draws other numbers on a GPU) and an example, on the CPU."""
    torch.manual_seed(1)
    model = create_model(name)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.02 * torch.randn_like(parameter)
    return model, model.example_inputs(BATCH, torch.Generator().manual_seed(2))


def answer(model: nn.Module, inputs: dict[str, Tensor], precision: str) -> dict[str, Tensor]:
    device = next(model.parameters()).device
    mixed = device.type == "cuda" and precision != "float32"
    moved = {key: tensor.to(device) for key, tensor in inputs.items()}
    with torch.autocast("cuda", getattr(torch, precision), enabled=mixed):
        return {key: t.float() for key, t in named_outputs(model(**moved)).items()}


def loss_of(outputs: dict[str, Tensor]) -> Tensor:
    """A smooth target that no output meets, drawn on the CPU for every device."""
    draw = torch.Generator().manual_seed(3)
    terms = [(t - torch.randn(t.shape, generator=draw).to(t.device)) for t in outputs.values()]
    return sum(
        (term.square().mean() for term in terms), start=torch.zeros((), device=terms[0].device)
    )


def distance(gpu: list[Tensor], cpu: list[Tensor]) -> float:
    ours, theirs = (
        torch.cat([t.detach().cpu().double().flatten() for t in ts]) for ts in (gpu, cpu)
    )
    return ((ours - theirs).norm() / theirs.norm()).item()


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", NAMES)
def test_forward_and_backward_agree(name, precision):
    model, inputs = network(name)
    twin = deepcopy(model).cuda()
    ours, theirs = answer(twin, inputs, precision), answer(model, inputs, precision)
    forward, backward = PRECISIONS[precision]
    for key in theirs:
        assert distance([ours[key]], [theirs[key]]) < forward, key
    for outputs in (ours, theirs):
        loss_of(outputs).backward()
    gradients = [[p.grad for p in m.parameters()] for m in (twin, model)]
    assert distance(*gradients) < backward


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", NAMES)
def test_three_steps_agree(name, precision):
    model, inputs = network(name)
    start = [parameter.detach().clone() for parameter in model.parameters()]
    moves = []
    for net in (deepcopy(model).cuda(), model):
        # Plain descent: Adam divides by the size of a gradient, and so blows up its rounding.
        optimizer = torch.optim.SGD(net.parameters(), lr=1e-4)
        for _ in range(STEPS):
            optimizer.zero_grad()
            loss_of(answer(net, inputs, precision)).backward()
            optimizer.step()
        pairs = zip(net.parameters(), start, strict=True)
        moves.append([parameter.detach().cpu() - begin for parameter, begin in pairs])
    assert distance(*moves) < PRECISIONS[precision][1]


@pytest.mark.parametrize("precision", ["no", "bf16", "fp16"])
def test_a_training_ends_where_it_ends_on_the_cpu(tmp_path, precision):
    (on_cpu,) = train_all(load_orders("tiny", ["loop.device=cpu"]), tmp_path / "cpu")
    orders = load_orders("tiny", [f"loop.precision={precision}"])
    (on_gpu,) = train_all(orders, tmp_path / "gpu")
    assert on_gpu.score == pytest.approx(on_cpu.score, rel=1e-3 if precision == "no" else 0.05)
    (again,) = train_all(orders, tmp_path / "gpu")  # from the finished checkpoint, scaler and all
    assert again.sha256 == on_gpu.sha256
