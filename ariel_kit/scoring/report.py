"""A submission's score, and its breakdown by planet, star and wavelength."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ariel_kit.core.editions import Metric, get_edition
from ariel_kit.core.errors import check_shape
from ariel_kit.core.instruments import N_WAVELENGTHS, wavelengths
from ariel_kit.core.markup import card, sketch
from ariel_kit.core.spectrum import Spectrum
from ariel_kit.core.words import counted
from ariel_kit.data.dataset import Labels
from ariel_kit.data.tables import Table
from ariel_kit.scoring.arguments import (
    read_prediction,
    read_truth,
    refuse_bad_values,
    refuse_swapped,
)
from ariel_kit.scoring.metric import (
    SIGMA_FLOOR,
    Reference,
    choose_reference,
    score_columns,
)

if TYPE_CHECKING:
    import pandas as pd

AIRS_EDGES = (1.9, 2.4, 2.9, 3.4, 3.9)
"""Micron; the AIRS regions of a breakdown."""


@dataclass(frozen=True)
class Breakdown:
    """Score and errors of one part of the table.

    Attributes
    ----------
    group : str
        ``all``, ``planet``, ``region`` or ``star``.
    name : str
        Which one.
    n_planets : int
    score : float
        The metric on this part alone, not clipped.
    rmse_ppm, bias_ppm : float
        Of ``mean - truth``.
    z_std : float
        Standard deviation of ``(mean - truth) / sigma``; 1 when sigma is honest.
    coverage : float
        Share of elements within one sigma; 0.683 when sigma is honest.
    """

    group: str
    name: str
    n_planets: int
    score: float
    rmse_ppm: float
    bias_ppm: float
    z_std: float
    coverage: float


@dataclass(frozen=True, repr=False)
class ScoreReport:
    """A submission's score and its breakdown.

    Attributes
    ----------
    edition : int
    total : Breakdown
        The whole table.
    planets, regions, stars : tuple of Breakdown
        ``stars`` is empty when no stars were given.
    n_unscored : int
        Planets of the solution that the submission does not hold.
    """

    edition: int
    total: Breakdown
    planets: tuple[Breakdown, ...]
    regions: tuple[Breakdown, ...]
    stars: tuple[Breakdown, ...]
    n_unscored: int

    @property
    def raw(self) -> float:
        """The metric before clipping; it may be negative."""
        return self.total.score

    @property
    def score(self) -> float:
        """The metric as Kaggle prints it, within 0 and 1."""
        return float(np.clip(self.raw, 0.0, 1.0))

    def __repr__(self) -> str:
        return f"ScoreReport({', '.join(self._facts())})"

    def _repr_html_(self) -> str:
        says = "scores of the planets, the worst first"
        scores = np.sort([planet.score for planet in self.planets])
        picture = sketch(np.arange(len(scores)), scores, says=says)
        rows = [self.total, *self.stars, *self.regions]
        table = "".join(
            f"<tr><th>{escape(_heading(row))}</th><td>{row.n_planets}</td>"
            f"<td>{row.score:.3f}</td><td>{row.rmse_ppm:.1f}</td><td>{row.z_std:.2f}</td></tr>"
            for row in rows
        )
        head = "<th>part</th><th>planets</th><th>score</th><th>rmse (ppm)</th><th>z std</th>"
        top = card("Score", {"": ", ".join(self._facts()), "shows": says}, picture)
        return f"{top}<table><tr>{head}</tr>{table}</table>"

    def _facts(self) -> list[str]:
        total = self.total
        return [
            f"score {self.score:.3f}",
            f"edition {self.edition}",
            counted(total.n_planets, "planet"),
            f"rmse {total.rmse_ppm:.1f} ppm",
            f"z std {total.z_std:.2f}",
        ]

    def to_frame(self) -> pd.DataFrame:
        """Give all breakdowns as a DataFrame of pandas, one row each.

        Examples
        --------
        >>> truth = np.full((2, 283), 0.004)
        >>> frame = score(truth, (truth, truth / 400)).to_frame()
        >>> frame[frame.group == "planet"].score.tolist()
        [1.0, 1.0]
        """
        import pandas as pd

        rows = [self.total, *self.stars, *self.regions, *self.planets]
        return pd.DataFrame([asdict(row) for row in rows])

    def to_json(self) -> str:
        """Give everything as JSON."""
        return json.dumps({"score": self.score, "raw": self.raw, **asdict(self)})


def score(
    solution: Labels | np.ndarray | Table,
    submission: Table | Sequence[Spectrum] | tuple[np.ndarray, np.ndarray],
    *,
    edition: int = 2024,
    stars: Sequence[int | None] | np.ndarray | None = None,
    reference: Reference | None = None,
) -> ScoreReport:
    """Score a submission against the truth.

    Planets are matched by id when both sides carry ids, otherwise row by row.

    Parameters
    ----------
    solution : Labels, path, table or ndarray [shape=(planet, 283)]
        True transit depths.
    submission : path, table, spectra or two ndarrays [shape=(planet, 283)]
        A ``submission.csv``, its table of polars or pandas, `Spectrum` values, or mean and sigma.
    edition : int
        2024 or 2025.
    stars : sequence, optional
        The star of each planet, in the order of `submission`; adds a breakdown per star.
    reference : Reference, optional
        The score's zero. Fixed by the hosts in 2024. In 2025 it is the training set's mean and
        standard deviation, and that of `solution` when left out.

    Returns
    -------
    ScoreReport

    Raises
    ------
    SubmissionError
        For what the hosts' metric refuses: a negative or missing value, a column that is not
        numeric, a wrong number of columns; and for a planet without truth.
    ConfigError
        If the edition is unknown.

    Examples
    --------
    >>> truth = np.full((2, 283), 0.004)
    >>> score(truth, (truth, np.full((2, 283), 1e-5)))
    ScoreReport(score 1.000, edition 2024, 2 planets, rmse 0.0 ppm, z std 0.00)
    """
    refuse_swapped(solution, submission)
    ids, mean, sigma = read_prediction(submission)
    truth, n_unscored = read_truth(solution, ids, len(mean))
    expected = {"planet": len(mean), "wavelength": N_WAVELENGTHS}
    for name, values in (("solution", truth), ("mean", mean), ("sigma", sigma)):
        check_shape(name, values.shape, expected)
    refuse_bad_values(mean, sigma)
    metric = get_edition(edition).metric
    zero = choose_reference(metric, reference, truth)

    def part(
        group: str, name: Any, rows: Any = slice(None), columns: Any = slice(None)
    ) -> Breakdown:
        cut = (values[rows][:, columns] for values in (truth, mean, sigma))
        return _breakdown(group, str(name), tuple(cut), columns, metric, zero)

    names = range(len(mean)) if ids is None else ids
    return ScoreReport(
        edition=edition,
        total=part("all", "all"),
        planets=tuple(part("planet", name, rows=[i]) for i, name in enumerate(names)),
        regions=tuple(part("region", name, columns=where) for name, where in regions().items()),
        stars=_per_star(part, stars, len(mean)),
        n_unscored=n_unscored,
    )


def format_scores(reports: Mapping[str, ScoreReport]) -> str:
    """Lay score reports of one edition out as a table: a row each, then parts of the first.

    Parameters
    ----------
    reports : mapping
        Name to report, e.g. the fit and the baseline it is compared with.

    Examples
    --------
    >>> truth = np.full((2, 283), 0.004)
    >>> print(format_scores({"ideal": score(truth, (truth, truth / 400))}).splitlines()[1])
    ideal                    2    1.000    1.000       0.0       +0.0    0.00      1.000
    """
    first = next(iter(reports.values()))
    columns = "planets    score      raw  rmse ppm   bias ppm   z std   coverage"
    rows = [(name, f"{report.score:.3f}", report.total) for name, report in reports.items()]
    rows += [(f"  {_heading(part)}", "", part) for part in (*first.stars, *first.regions)]
    width = max(18, *(len(name) for name, _, _ in rows))
    head = f"{f'metric of {first.edition}':<{width}} {columns}"
    lines = [
        f"{name:<{width}} {part.n_planets:>7} {clipped:>8} {part.score:>8.3f} "
        f"{part.rmse_ppm:>9.1f} {part.bias_ppm:>+10.1f} {part.z_std:>7.2f} {part.coverage:>10.3f}"
        for name, clipped, part in rows
    ]
    if first.n_unscored:
        n_planets = first.total.n_planets
        lines.append(f"{n_planets} of {n_planets + first.n_unscored} planets of the labels")
    return "\n".join([head, *lines])


def _heading(row: Breakdown) -> str:
    return f"star {row.name}" if row.group == "star" else row.name


def regions() -> dict[str, np.ndarray]:
    """Name the wavelength regions of a breakdown, each with its mask [shape=(283,), dtype=bool].

    >>> [int(mask.sum()) for mask in regions().values()]
    [1, 53, 65, 75, 89]
    """
    micron = wavelengths()
    bands = pairwise(AIRS_EDGES)
    airs = {f"AIRS {a:.1f}-{b:.1f} um": (micron >= a) & (micron < b) for a, b in bands}
    return {"FGS1 0.7 um": np.arange(N_WAVELENGTHS) == 0, **airs}


def _breakdown(
    group: str,
    name: str,
    arrays: tuple[np.ndarray, ...],
    columns: Any,
    metric: Metric,
    zero: Reference,
) -> Breakdown:
    truth, mean, sigma = arrays
    error = mean - truth
    z = error / np.clip(sigma, SIGMA_FLOOR, None)
    return Breakdown(
        group=group,
        name=name,
        n_planets=len(truth),
        score=float(score_columns(truth, mean, sigma, columns, metric, zero)),
        rmse_ppm=1e6 * float(np.sqrt(np.mean(error**2))),
        bias_ppm=1e6 * float(error.mean()),
        z_std=float(z.std()),
        coverage=float(np.mean(np.abs(z) <= 1)),
    )


def _per_star(part: Any, stars: Any, n_planets: int) -> tuple[Breakdown, ...]:
    if stars is None:
        return ()
    names = ["unknown" if star is None else str(star) for star in stars]
    check_shape("stars", (len(names),), {"planet": n_planets})
    kinds = np.array(names)
    return tuple(part("star", kind, rows=kinds == kind) for kind in sorted(set(names)))
