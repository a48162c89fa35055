"""The analogue-to-digital converter of a planet's detectors."""

from __future__ import annotations

from typing import NamedTuple

from ariel_kit.core.errors import DataFileError
from ariel_kit.core.instruments import Instrument

LARGEST_GAIN, LARGEST_OFFSET = 1e3, 1e6
"""Bounds of a converter, far beyond the published 0.44 and -1000."""


class Adc(NamedTuple):
    """The converter of one planet: ``electron = adu / gain + offset``."""

    gain: float
    offset: float

    @classmethod
    def of(cls, gain: object, offset: object, *, instrument: Instrument, where: str) -> Adc:
        """Take the numbers of a table, or refuse them.

        Parameters
        ----------
        gain, offset : object
            What the table holds.
        instrument : Instrument
        where : str
            Planet and table, for the message.

        Raises
        ------
        DataFileError
            If they are not those of a converter.

        Examples
        --------
        >>> from ariel_kit.core.instruments import FGS1
        >>> Adc.of(0.44, -1000, instrument=FGS1, where="planet 7: adc_info.csv")
        Adc(gain=0.44, offset=-1000.0)
        """
        if isinstance(gain, int | float) and isinstance(offset, int | float):
            adc = cls(float(gain), float(offset))
            if 0 < adc.gain < LARGEST_GAIN and abs(adc.offset) < LARGEST_OFFSET:
                return adc
        raise DataFileError(
            f"{where}: the {instrument.name} converter needs a gain between 0 and "
            f"{LARGEST_GAIN:g} and an offset within {LARGEST_OFFSET:g} electrons; got gain "
            f"{gain}, offset {offset}. Correct the table."
        )
