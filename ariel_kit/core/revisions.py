"""Revisions: the version of the physics that made a product, a training pool or weights.

A calibrated planet depends on the version of the calibration, and weights depend on the versions of
the fit and of the simulator that they were trained with. Each of these files therefore states the
revisions of what made it. A product or pool of another revision is made again; weights of another
revision are refused.

The numbers stand here and not in the rooms that they name, for a reader of a file must not have to
load torch or numba to compare them. ``tests/contracts/test_revisions.py`` notices when what a
number stands for changes and the number does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Part = Literal["calibration", "fit", "simulation", "pools"]

REVISIONS: dict[str, int] = {
    # Raise when the same raw frames give other light curves or other noise (preprocessing).
    "calibration": 2,
    # Raise when the same light curves give another spectrum (light_curve, spectral_extraction).
    "fit": 4,
    # Raise when the same seed gives another planet or another light curve (simulation).
    "simulation": 2,
    # Raise when a network is shown other inputs or another truth of a planet (training/pools, and
    # what describes a planet: denoising/maps, spectral_extraction/features).
    "pools": 3,
}
"""Revision of each part. To change one, edit its line; files of the older revision are then no
longer used."""


def current_revisions(*parts: Part) -> dict[str, int]:
    """Look up the revisions of these parts, to be written into the files that they make.

    Examples
    --------
    >>> list(current_revisions("simulation", "fit"))
    ['fit', 'simulation']
    """
    return {part: REVISIONS[part] for part in sorted(parts)}


def describe_change(stated: Mapping[str, int]) -> str | None:
    """Say which of the stated revisions are not those of today; None if all are.

    Parameters
    ----------
    stated : mapping of str to int
        Revision of each part that made something.

    Examples
    --------
    >>> describe_change(current_revisions("fit"))
    >>> describe_change({"fit": 0, "simulation": REVISIONS["simulation"]}) # doctest: +ELLIPSIS
    'fit 0, which is ... today'
    """
    changes = [
        f"{part} {number}, which is {REVISIONS.get(part, 'unknown')} today"
        for part, number in stated.items()
        if number != REVISIONS.get(part)
    ]
    return "; ".join(changes) or None


def revision_tag(*parts: Part) -> str:
    """Name the revisions of these parts in a file name.

    Examples
    --------
    >>> revision_tag("simulation")[:10]
    'simulation'
    """
    return "-".join(f"{part}{number}" for part, number in current_revisions(*parts).items())
