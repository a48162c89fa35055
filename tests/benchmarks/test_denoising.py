"""What PhySNet knows beyond the joint fit's own drift model, family by family.

pytest -m benchmark -s tests/benchmarks/test_denoising.py
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ariel_kit.models import create_model
from ariel_kit.simulation import draw_planets
from ariel_kit.training.pools.blind import STRANGE_FAMILIES, blind_planets
from tests.support.results import write_results

STARS = (4, 5, 6, 7)
PER_FAMILY = 128


@pytest.mark.benchmark
def test_error_along_the_window() -> None:
    """Rms of the drift's error along the transit window, in white light and over four orders."""
    model = create_model("physnet", weights="default")
    print("\n| drift | white, rms ratio | all orders, rms ratio | white, median ratio | nll gain |")
    print("|---|---|---|---|---|")
    told = []
    for number, family in enumerate(("mission", *STRANGE_FAMILIES)):
        planets = draw_planets(PER_FAMILY, seed=9150 + number, stars=STARS, drift=family)
        drawn = blind_planets(planets, seed=9150 + number)
        with torch.inference_mode():
            answer = model(**drawn.inputs)
        shift = drawn.truth["true_shift"]
        before, after = shift.numpy(), (shift - answer["shift"]).numpy()
        scale = np.exp(answer["log_scale"].numpy())
        white = np.sqrt(np.mean(after[:, 0] ** 2) / np.mean(before[:, 0] ** 2))
        orders = np.sqrt(np.mean(after**2) / np.mean(before**2))
        median = np.median(np.abs(after[:, 0])) / np.median(np.abs(before[:, 0]))
        gain = np.mean(0.5 * before**2 - 0.5 * (after / scale) ** 2 - np.log(scale))
        print(f"| {family} | {white:.3f} | {orders:.3f} | {median:.3f} | {gain:+.3f} |")
        told.append(f"{orders:.3f} ({family})")
        # The fit knows the mission's drifts by themselves: there is nothing to learn of them.
        assert gain > (-0.1 if family == "mission" else 0)
        assert orders < 1.02
    write_results("denoising", ", ".join(told))
