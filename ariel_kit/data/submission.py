"""Write the challenge's submission table, and list everything that is wrong with one."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from ariel_kit.core.cache import atomic_path
from ariel_kit.core.errors import DataFileError, SubmissionError
from ariel_kit.core.instruments import N_WAVELENGTHS
from ariel_kit.core.spectrum import Spectrum
from ariel_kit.core.words import listed
from ariel_kit.data.dataset import (
    LABEL_COLUMNS,
    SIGMA_COLUMNS,
)
from ariel_kit.data.tables import Table, are_whole_numbers, as_polars, name_of, read_planets

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

VALUE_COLUMNS = [*LABEL_COLUMNS, *SIGMA_COLUMNS]
COLUMNS = ["planet_id", *VALUE_COLUMNS]
"""The 567 columns, in the order by which the metric reads them."""

LEAST_SIGMA, MOST_SIGMA = 1e-6, 1e-2
MOST_DEPTH = 0.05
REVERSED_RATIO = 1.5


@dataclass(frozen=True)
class SubmissionCheck:
    """What `validate_submission` found.

    Attributes
    ----------
    faults : tuple of str
        Faults that the metric would refuse or misread.
    warnings : tuple of str
        Values that are legal but probably a mistake.
    """

    faults: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether the table can be submitted."""
        return not self.faults


def make_submission(
    spectra: Iterable[Spectrum], planet_ids: Sequence[int], path: str | Path | None = None
) -> pl.DataFrame:
    """Put spectra into the challenge's table, and write it when a path is given.

    The metric refuses negative values, so a negative mean becomes 0, with a line in the log.

    Parameters
    ----------
    spectra : iterable of Spectrum
        One per planet, in any order.
    planet_ids : sequence of int
        The planets in the order of the sample submission.
    path : str or Path, optional
        Where to write; the file appears whole or not at all.

    Returns
    -------
    polars.DataFrame
        ``planet_id, wl_1 .. wl_283, sigma_1 .. sigma_283``.

    Raises
    ------
    SubmissionError
        If a planet has no spectrum or two, or a value is not finite or a sigma negative.

    Examples
    --------
    >>> from ariel_kit.core.instruments import wavelengths
    >>> spectrum = Spectrum(7, wavelengths(), np.full(283, 0.004), np.full(283, 3e-5))
    >>> table = make_submission([spectrum], [7])
    >>> table.shape, table["sigma_283"][0]
    ((1, 567), 3e-05)
    """
    spectra = list(spectra)
    rows = {spectrum.planet_id: spectrum for spectrum in spectra}
    missing = [planet for planet in planet_ids if planet not in rows]
    if missing or len(rows) < len(spectra):
        raise SubmissionError(
            f"a planet needs exactly one spectrum; {len(missing)} of {len(planet_ids)} have none, "
            f"{len(spectra) - len(rows)} spectra are repeated."
        )
    ordered = [rows[planet] for planet in planet_ids]
    mean = np.array([spectrum.mean for spectrum in ordered]).reshape(-1, N_WAVELENGTHS)
    sigma = np.array([spectrum.sigma for spectrum in ordered]).reshape(-1, N_WAVELENGTHS)
    if (mean < 0).any():
        log.warning("%d negative depths were raised to 0 for the metric", int((mean < 0).sum()))
    values = np.hstack([np.maximum(mean, 0.0), sigma])  # maximum keeps a NaN a NaN
    table = pl.DataFrame(values, schema=VALUE_COLUMNS)
    table = table.insert_column(0, pl.Series("planet_id", planet_ids, dtype=pl.Int64))
    check = validate_submission(table)
    if not check.ok:
        raise SubmissionError("\n  ".join(["the spectra cannot be submitted:", *check.faults]))
    if path is not None:
        with atomic_path(path) as unfinished, unfinished.open("wb") as file:
            table.write_csv(file)
    return table


def validate_submission(
    submission: Table, sample: str | Path | Sequence[int] | None = None
) -> SubmissionCheck:
    """List all faults of a submission at once, and values that are legal but unusual.

    Parameters
    ----------
    submission : path, polars.DataFrame or pandas.DataFrame
    sample : path or sequence of int, optional
        The sample submission, or its planets in order; without it ids are only checked for
        repeats.

    Returns
    -------
    SubmissionCheck

    Raises
    ------
    DataFileError
        If there is no such file, or the sample cannot be read.

    Examples
    --------
    >>> table = pl.DataFrame({"planet_id": [7, 7], "wl_1": [0.001, None]})
    >>> for fault in validate_submission(table).faults:
    ...     print(fault)
    567 columns are needed; got 2: missing wl_2, wl_3, wl_4 and 562 more
    planet ids must not repeat; repeated: 7
    1 value is missing (null or NaN), the first in column wl_1 of planet 7
    """
    wanted = _sample_ids(sample)
    try:
        table = as_polars(submission)
    except (DataFileError, SubmissionError) as error:
        if isinstance(submission, str | Path) and not Path(submission).is_file():
            raise  # a path that leads nowhere is no fault of a table
        return SubmissionCheck((str(error),), ())
    faults = [*_column_faults(table), *_id_faults(table, wanted), *_value_faults(table)]
    return SubmissionCheck(tuple(faults), () if faults else tuple(_oddities(table)))


def submission_frame(submission: Table) -> pd.DataFrame:
    """Give a submission as a DataFrame of pandas: one row per planet, by its id.

    Parameters
    ----------
    submission : path, polars.DataFrame or pandas.DataFrame
        For example what `make_submission` returns.

    Returns
    -------
    pandas.DataFrame
        Index ``planet_id``; columns ``wl_1 .. wl_283, sigma_1 .. sigma_283``.

    Raises
    ------
    SubmissionError
        With every fault of the submission.

    Examples
    --------
    >>> from ariel_kit.core.instruments import wavelengths
    >>> spectrum = Spectrum(7, wavelengths(), np.full(283, 0.004), np.full(283, 3e-5))
    >>> frame = submission_frame(make_submission([spectrum], [7]))
    >>> float(frame.loc[7, "sigma_283"])
    3e-05
    """
    import pandas as pd

    ids, mean, sigma = submission_arrays(submission)
    index = pd.Index(ids, name="planet_id")
    return pd.DataFrame(np.hstack([mean, sigma]), index=index, columns=VALUE_COLUMNS)


def submission_arrays(submission: Table) -> tuple[list[int], np.ndarray, np.ndarray]:
    """Give planet ids, mean and sigma of a table that passes `validate_submission`.

    Parameters
    ----------
    submission : path, polars.DataFrame or pandas.DataFrame

    Returns
    -------
    planet_ids : list of int
    mean, sigma : ndarray [shape=(planet, 283), dtype=float64]

    Raises
    ------
    SubmissionError
        With every fault.
    """
    table = as_polars(submission)
    check = validate_submission(table)
    if not check.ok:
        where = name_of(submission, "the submission")
        raise SubmissionError("\n  ".join([f"{where} has faults:", *check.faults]))
    mean, sigma = (
        table.select(columns).to_numpy().astype(np.float64)
        for columns in (LABEL_COLUMNS, SIGMA_COLUMNS)
    )
    return table["planet_id"].cast(pl.Int64).to_list(), mean, sigma


def _sample_ids(sample: str | Path | Sequence[int] | None) -> list[int] | None:
    if isinstance(sample, str | Path):
        return read_planets(sample)["planet_id"].to_list()
    return None if sample is None else [int(planet) for planet in sample]


def _column_faults(table: pl.DataFrame) -> Iterator[str]:
    found = table.columns
    missing = [name for name in COLUMNS if name not in found]
    extra = [name for name in found if name not in COLUMNS]
    if missing or extra:
        named = {"missing": missing, "extra": extra}
        details = [f"{what} {listed(names)}" for what, names in named.items() if names]
        yield f"{len(COLUMNS)} columns are needed; got {len(found)}: {'; '.join(details)}"
    elif found != COLUMNS:
        first = next(i for i, (a, b) in enumerate(zip(found, COLUMNS, strict=True)) if a != b)
        yield (
            "the columns must be planet_id, wl_1 .. wl_283, sigma_1 .. sigma_283 in this order; "
            f"column {first + 1} is {found[first]} and should be {COLUMNS[first]}"
        )
    words = [name for name in _values(table) if not table[name].dtype.is_numeric()]
    if words:
        yield f"{len(words)} column(s) must be numeric: {listed(words)}"


def _id_faults(table: pl.DataFrame, wanted: list[int] | None) -> Iterator[str]:
    if table.is_empty():
        yield "the table holds no planet"
    if "planet_id" not in table.columns:
        return
    column = table["planet_id"]
    if not are_whole_numbers(column):
        yield "planet ids must be whole numbers, none missing"
        return
    ids = [int(planet) for planet in column]
    repeated = sorted({int(planet) for planet in column.filter(column.is_duplicated())})
    if repeated:
        yield f"planet ids must not repeat; repeated: {listed(repeated)}"
    if wanted is None:
        return
    missing, extra = sorted(set(wanted) - set(ids)), sorted(set(ids) - set(wanted))
    if missing:
        yield f"{len(missing)} planet(s) of the sample are missing: {listed(missing)}"
    if extra:
        yield f"{len(extra)} planet(s) are not in the sample: {listed(extra)}"
    if not (missing or extra or repeated) and ids != wanted:
        yield "the planets must be in the order of the sample"


def _value_faults(table: pl.DataFrame) -> Iterator[str]:
    numeric = [name for name in _values(table) if table[name].dtype.is_numeric()]
    if not numeric or table.is_empty():
        return
    values = table.select(pl.col(numeric).cast(pl.Float64)).to_numpy()
    ids = table["planet_id"].to_list() if "planet_id" in table.columns else range(len(values))
    for bad, what in (
        (np.isnan(values), "missing (null or NaN)"),
        (np.isinf(values), "infinite"),
        (values < 0, "negative"),
    ):
        if bad.any():
            row, column = np.argwhere(bad)[0]
            count = int(bad.sum())
            yield (
                f"{count} value{'s are' if count > 1 else ' is'} {what}, "
                f"the first in column {numeric[column]} of planet {ids[row]}"
            )


def _oddities(table: pl.DataFrame) -> Iterator[str]:
    depth, sigma = table.select(LABEL_COLUMNS).to_numpy(), table.select(SIGMA_COLUMNS).to_numpy()
    for bad, what in (
        (
            sigma < LEAST_SIGMA,
            f"sigma below {LEAST_SIGMA:g}: no data is that good, the score may sink",
        ),
        (sigma > MOST_SIGMA, f"sigma above {MOST_SIGMA:g}: wider than all known depths"),
        (depth == 0, "a depth of 0: no planet has that"),
        (depth > MOST_DEPTH, f"a depth above {MOST_DEPTH:g}: are these fractions, not per cent?"),
    ):
        planets = bad.any(axis=1)
        if planets.any():
            yield f"{int(planets.sum())} planet(s) with {what}"
    if np.ptp(sigma) == 0:
        yield "one sigma for all planets: a sigma per planet is worth up to 0.23 of the 2024 score"
    if repeats := len(depth) - len(np.unique(depth, axis=0)):
        yield f"{repeats} planet(s) repeat another planet's spectrum"
    n_edge = N_WAVELENGTHS // 5
    some = np.maximum(sigma, LEAST_SIGMA)  # a table of zeros has a ratio, too
    ratio = np.median(some[:, 1 : 1 + n_edge].mean(axis=1) / some[:, -n_edge:].mean(axis=1))
    if ratio > REVERSED_RATIO:
        yield (
            f"sigma is {ratio:.1f} times larger at 2 than at 3.8 micron, where stars are faintest: "
            "is the wavelength axis reversed?"
        )


def _values(table: pl.DataFrame) -> list[str]:
    return [name for name in VALUE_COLUMNS if name in table.columns]
