"""The editions of the challenge: all differences between one year and another.

Nothing else in the kit compares years. A new edition is one more record here and, where its
physics is new, the code that a field of the record switches on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ariel_kit.core.errors import ConfigError

Year = Literal[2024, 2025]
"""Years of `EDITIONS`, for signatures and options."""


@dataclass(frozen=True)
class Metric:
    """Constants of the hosts' score.

    Attributes
    ----------
    ideal_sigma : float
        Sigma of the best possible answer at an AIRS wavelength, in transit depth.
    fgs1_ideal_sigma : float
        The same for FGS1.
    fgs1_weight : float
        Weight of FGS1 where an AIRS wavelength weighs 1.
    per_element : bool
        Whether the score is the weighted mean of one ratio for each planet and wavelength, instead
        of one ratio of sums.
    reference : tuple of float, optional
        Mean and sigma of the answer that scores zero, where the hosts fixed them; else those of the
        true spectra.
    """

    ideal_sigma: float = 1e-5
    fgs1_ideal_sigma: float = 1e-5
    fgs1_weight: float = 1.0
    per_element: bool = False
    reference: tuple[float, float] | None = None


@dataclass(frozen=True)
class Edition:
    """One year of the challenge.

    Attributes
    ----------
    year : int
    planet_table : str
        The table of a split is ``{split}_{planet_table}.csv``.
    adc_table : str, optional
        The one table that holds the converter of all planets; None where the table of a split has
        each planet's own.
    train_labels : str
        File with the true spectra of the training planets.
    visits : bool
        Whether a planet may have several visits, whose files then carry a number.
    catalogue : bool
        Whether the table of a split tells of the stars and the orbits.
    limb_darkening : bool
        Whether the stars are darker at their limb, each by its own law.
    metric : Metric
    """

    year: int
    planet_table: str
    adc_table: str | None
    train_labels: str
    visits: bool
    catalogue: bool
    limb_darkening: bool
    metric: Metric

    @property
    def marker(self) -> str:
        """A file, as a pattern, that only a folder of this edition holds."""
        return self.adc_table or f"*_{self.planet_table}.csv"


EDITIONS = (
    Edition(
        year=2024,
        planet_table="adc_info",
        adc_table=None,
        train_labels="train_labels.csv",
        visits=False,
        catalogue=False,
        limb_darkening=False,
        metric=Metric(reference=(0.0025517145902829823, 0.0017261973793536417)),
    ),
    Edition(
        year=2025,
        planet_table="star_info",
        adc_table="adc_info.csv",
        train_labels="train.csv",
        visits=True,
        catalogue=True,
        limb_darkening=True,
        metric=Metric(fgs1_ideal_sigma=1e-6, fgs1_weight=57.846, per_element=True),
    ),
)
"""All editions, the first one first. Source: the challenge's data pages and metrics."""


def get_edition(year: int) -> Edition:
    """Look up the record of a year.

    Raises
    ------
    ConfigError
        If there was no challenge in that year.

    Examples
    --------
    >>> get_edition(2025).train_labels
    'train.csv'
    """
    for edition in EDITIONS:
        if edition.year == year:
            return edition
    years = " or ".join(str(edition.year) for edition in EDITIONS)
    raise ConfigError(f"edition must be {years}; got {year!r}.")
