"""What each learned stage is worth on the README's 64 test planets, group by group.

pytest -m benchmark -s tests/benchmarks/test_ablation.py
"""

from __future__ import annotations

import pytest

from ariel_kit.evaluation.ablation import format_ablation, run_variants
from ariel_kit.spectral_extraction import learn_prior
from tests.support.scored_planets import Measured, training_spectra


@pytest.mark.benchmark
def test_ablation(measured: Measured) -> None:
    """All planets are fitted together, as in a run; groups are scored apart."""
    variants = run_variants(measured.observations, prior=learn_prior(training_spectra()))
    groups = {group: measured.ids(group) for group in dict.fromkeys(measured.groups)}
    for group, ids in {**groups, "all planets": measured.labels.planet_ids.tolist()}.items():
        rows = [variant.row(measured.labels, ids) for variant in variants]
        print(f"\n{group}\n{format_ablation(rows)}")
        (default,) = (row for row in rows if row.get("default"))
        (none,) = (row for row in rows if row["stages"] == [])
        assert default["score"] > none["score"] - 0.01  # a default that costs is none
