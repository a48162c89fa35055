"""The catalogue's numbers of a star and of its planet's orbit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from ariel_kit.core.errors import DataFileError

COLUMNS = {
    "Rs": "radius",
    "Ms": "mass",
    "Ts": "temperature",
    "Mp": "planet_mass",
    "e": "eccentricity",
    "P": "period",
    "sma": "semi_major_axis",
    "i": "inclination",
}
"""Fields of `StarInfo` by the column of the table."""


@dataclass(frozen=True)
class StarInfo:
    """A star and the orbit of its planet, as the table ``star_info`` has them.

    Attributes
    ----------
    radius, mass : float
        Of the star, in solar units.
    temperature : float
        Effective temperature, kelvin.
    planet_mass : float
        In masses of Jupiter.
    eccentricity : float
    period : float
        Days.
    semi_major_axis : float
        Stellar radii.
    inclination : float
        Degrees.

    Raises
    ------
    DataFileError
        If a number is missing or cannot be that of a star with a transiting planet.

    Examples
    --------
    >>> star = StarInfo(1.2, 1.1, 5900.0, 0.9, 0.0, 5.2, 10.5, 88.5)
    >>> round(star.impact, 2), round(star.rate, 3)
    (0.27, 0.05)
    """

    radius: float
    mass: float
    temperature: float
    planet_mass: float
    eccentricity: float
    period: float
    semi_major_axis: float
    inclination: float

    def __post_init__(self) -> None:
        rules = {
            "Ts": (self.temperature, 1000 < self.temperature < 50000, "1000 to 50 000 K"),
            "P": (self.period, 0 < self.period < math.inf, "above 0 days"),
            "sma": (self.semi_major_axis, 1 < self.semi_major_axis < math.inf, "above 1 radius"),
            "i": (self.inclination, 0 < self.inclination < 180, "0 to 180 degrees"),
        }
        for name, (value, good, rule) in rules.items():
            if not good:
                raise DataFileError(
                    f"star_info needs {name} to be {rule}; got {value}. Correct the table."
                )

    @classmethod
    def of(cls, row: Mapping[str, float]) -> StarInfo:
        """Take the numbers from a row of the table.

        Raises
        ------
        DataFileError
            If one is missing or out of range.
        """
        numbers = {f: row[c] for c, f in COLUMNS.items() if isinstance(row.get(c), int | float)}
        missing = [c for c, f in COLUMNS.items() if f not in numbers]
        if missing:
            raise DataFileError(
                f"star_info needs a number for {', '.join(COLUMNS)}; there is none for "
                f"{', '.join(missing)}. Correct the table."
            )
        return cls(**{f: float(value) for f, value in numbers.items()})

    @property
    def impact(self) -> float:
        """Impact parameter of the orbit, in stellar radii."""
        return abs(self.semi_major_axis * math.cos(math.radians(self.inclination)))

    @property
    def rate(self) -> float:
        """Angular speed of the planet, radians per hour."""
        return 2 * math.pi / (24 * self.period)
