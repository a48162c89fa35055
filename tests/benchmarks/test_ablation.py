"""What each learned stage is worth on the README's 64 test planets, group by group.

pytest -m benchmark -s tests/benchmarks/test_ablation.py
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from ariel_kit.evaluation.ablation import Row, format_ablation, run_variants
from ariel_kit.spectral_extraction import learn_prior
from tests.support.results import write_results
from tests.support.scored_planets import Measured, training_spectra

LARGEST_LOSS, LEAST_GAIN = 0.003, 0.0045
"""What the default stages may lose in a group of 16 planets, and must gain over all 64: more than
either of the two would gain alone, so that one that does nothing fails."""


@pytest.mark.benchmark
def test_ablation(measured: Measured) -> None:
    """All planets are fitted together, as in a run; groups are scored apart."""
    variants = run_variants(measured.observations, prior=learn_prior(training_spectra()))
    groups = {group: measured.ids(group) for group in dict.fromkeys(measured.groups)}
    found = {}
    for group, ids in {**groups, "all 64": measured.labels.planet_ids.tolist()}.items():
        found[group] = rows = [variant.row(measured.labels, ids) for variant in variants]
        print(f"\n{group}\n{format_ablation(rows)}")
        (default,) = (row for row in rows if row.get("default"))
        (none,) = (row for row in rows if row["stages"] == [])
        assert default["score"] > none["score"] - LARGEST_LOSS, group
    assert default["score"] > none["score"] + LEAST_GAIN
    write_results("ablation", as_markdown(found))


def as_markdown(found: Mapping[str, Sequence[Row]]) -> str:
    """One line for each choice of stages, one column for each group: score, RMSE, coverage."""
    lines = [["learned stages", *found], ["---"] * (1 + len(found))]
    for rows in zip(*found.values(), strict=True):
        cells = [f"{r['score']:.3f}, {r['rmse_ppm']:.1f}, {r['coverage']:.3f}" for r in rows]
        lines.append([name_of(rows[0]), *cells])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def name_of(row: Row) -> str:
    """What the README calls a choice of stages."""
    stages = {0: "none", 4: "all four"}.get(len(row["stages"]), " and ".join(row["stages"]))
    return f"**{stages} (the default)**" if row.get("default") else stages
