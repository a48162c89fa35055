"""One HTML page that opens anywhere: scores, pictures, failures, settings, versions."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ariel_kit.cache import atomic_path
from ariel_kit.config import RunSettings, describe_settings
from ariel_kit.pipeline import RunResult
from ariel_kit.runtime import versions
from ariel_kit.scoring import ScoreReport

TEMPLATE = Path(__file__).with_name("templates") / "report.html"
SHOWN_PLANETS = 20
"""Longest list of planets in a report, the worst first."""


@dataclass(frozen=True)
class Picture:
    """A PNG file and what it shows.

    Attributes
    ----------
    path : Path
    caption : str
        Also read to those who cannot see it.
    """

    path: Path
    caption: str

    @property
    def source(self) -> str:
        """The picture itself as a data URI."""
        data = base64.b64encode(self.path.read_bytes()).decode()
        return f"data:image/png;base64,{data}"


def draw(plot: Callable[..., Any], path: Path, caption: str, *data: Any, **options: Any) -> Picture:
    """Let one of the kit's plots draw into a PNG file.

    Parameters
    ----------
    plot : callable
        Any ``plot_*`` function.
    path : Path
        Where the file goes.
    caption : str
    *data, **options
        What the plot needs.

    Returns
    -------
    Picture
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.2), layout="constrained")
    plot(*data, ax=figure.subplots(), **options)
    with atomic_path(path) as unfinished:
        figure.savefig(unfinished, dpi=110, bbox_inches="tight")
    return Picture(path, caption)


def write_report(
    path: str | Path,
    *,
    title: str,
    reports: Mapping[str, ScoreReport],
    pictures: Sequence[Picture],
    result: RunResult,
    settings: RunSettings,
) -> None:
    """Write a report of one run as a single file without scripts.

    Parameters
    ----------
    path : path
    title : str
    reports : mapping
        Name to `ScoreReport`; the parts of the first are shown too.
    pictures : sequence of Picture
    result : RunResult
    settings : RunSettings
    """
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    first = next(iter(reports.values()))
    ranked = sorted(first.planets, key=lambda planet: planet.score)
    text = environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        title=title,
        reports=reports,
        parts=[*first.stars, *first.regions],
        planets=ranked[:SHOWN_PLANETS],
        n_planets=len(ranked),
        pictures=pictures,
        failures=result.failures,
        timings=result.timings,
        settings=_values(settings),
        versions=versions(),
    )
    with atomic_path(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")


def _values(settings: RunSettings) -> list[tuple[str, Any, str]]:
    """Every setting as (dotted name, value, description)."""
    rows = []
    for name, _, _, description in describe_settings(RunSettings):
        value: Any = settings
        for part in name.split("."):
            value = getattr(value, part)
        rows.append((name, value, description))
    return rows
