"""Examples per second of every network, forward, on the device at hand.

    pytest -m benchmark -s tests/benchmarks/test_model_speed.py

An example is what ``example_inputs`` draws: a planet, but for TCN-JNet, which reads it in pieces.
"""

from __future__ import annotations

import time

import pytest
import torch

from ariel_kit.models import create_model, list_models

pytestmark = pytest.mark.benchmark

BATCH, ROUNDS = 8, 5
SLOWEST = 0.25  # per second: a tenth of the 40 s that a planet may take on Kaggle
NAMES = list_models()


def seconds(model: torch.nn.Module, inputs: dict[str, torch.Tensor]) -> float:
    start = time.perf_counter()
    with torch.no_grad():
        model(**inputs)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start


@pytest.mark.parametrize("name", NAMES)
def test_planets_per_second(name: str) -> None:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = create_model(name, device=device)
    inputs = model.example_inputs(BATCH, torch.Generator(device).manual_seed(1))
    rate = BATCH / min(seconds(model, inputs) for _ in range(ROUNDS))
    hardware = (
        torch.cuda.get_device_name() if device == "cuda" else f"{torch.get_num_threads()} threads"
    )
    shapes = ", ".join(f"{key} {tuple(t.shape[1:])}" for key, t in inputs.items())
    print(f"\n{name:<10} {rate:10.1f} planets/s on {device} ({hardware}); {shapes}")
    assert rate > SLOWEST
