"""Encode the planets of a run for the page's planet browser, a few kilobytes for each.

An array is stored as 16-bit integers that span its range, in base64. One step is below 1e-4 of the
range, finer than a screen can show.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ariel_kit.core.spectrum import Spectrum, WhiteLightCurve
from ariel_kit.core.words import readable
from ariel_kit.data.dataset import Labels
from ariel_kit.plots.style import PPM
from ariel_kit.report.render import TEMPLATES
from ariel_kit.report.risk import judge, usual_sigma
from ariel_kit.report.tables import PlanetRow, flat_facts, outcome_of
from ariel_kit.run.folder import Run

STEPS = 65535
"""Largest 16-bit integer."""


class Shown(NamedTuple):
    """A run whose planets are shown.

    Attributes
    ----------
    run : Run
    rows : sequence of PlanetRow
        Its planets in the order of the table.
    truth : Labels, optional
        True spectra of its planets.
    """

    run: Run
    rows: Sequence[PlanetRow]
    truth: Labels | None = None


def browser_parts(shown: Sequence[Shown]) -> dict[str, str]:
    """Collect the data, library, script and styles of the planet browser.

    Parameters
    ----------
    shown : sequence of Shown

    Returns
    -------
    dict of str to str
        ``data`` as JSON that is safe inside a page; ``library``, ``library_style``, ``script`` and
        ``style`` as text to be inlined.
    """
    parts = {
        "library": "uplot/uPlot.iife.min.js",
        "library_style": "uplot/uPlot.min.css",
        "script": "browser.js",
        "style": "browser.css",
    }
    texts = {name: (TEMPLATES / file).read_text("utf-8").strip() for name, file in parts.items()}
    return {"data": as_page_json(browser_data(shown)), **texts}


def as_page_json(data: object) -> str:
    """Write JSON in which no text can end the script element around it.

    >>> as_page_json({"a": "</script>"})
    '{"a":"\\\\u003c/script>"}'
    """
    return json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def browser_data(shown: Sequence[Shown]) -> dict[str, Any]:
    """Convert the planets of runs to values that JSON can hold.

    Parameters
    ----------
    shown : sequence of Shown

    Returns
    -------
    dict of str to Any
        ``wavelength``, ``runs``, ``facts`` (names of the numbers of all stages) and ``planets``,
        each with the place of its run in ``runs``.
    """
    spectra = [spectrum for each in shown for spectrum in each.run.spectra]
    names = list(dict.fromkeys(name for s in spectra for name, _ in _numbers(s.provenance)))
    return {
        "wavelength": spectra[0].wavelength.round(4).tolist(),
        "runs": [
            {"name": readable(each.run.folder.path), "edition": each.run.record.edition}
            for each in shown
        ],
        "facts": names,
        "planets": [
            {"run": place, **planet}
            for place, each in enumerate(shown)
            for planet in _planets(each, names)
        ],
    }


def _planets(shown: Shown, names: list[str]) -> Iterator[dict[str, Any]]:
    """Convert the planets of one run, in the order of its rows."""
    by_id = {spectrum.planet_id: spectrum for spectrum in shown.run.spectra}
    usual = usual_sigma(shown.run.spectra)
    for row in shown.rows:
        yield _planet(by_id[row.planet_id], row, shown.truth, names, usual)


def _planet(
    spectrum: Spectrum, row: PlanetRow, truth: Labels | None, names: list[str], usual: float
) -> dict[str, Any]:
    """Convert one planet; unknown values are left out."""
    risk = judge(spectrum, failure=row.failure, usual=usual)
    numbers = dict(_numbers(spectrum.provenance))
    found: dict[str, Any] = {
        "id": str(row.planet_id),  # a number of JavaScript holds 53 bits
        "star": row.star,
        "depth": round(row.depth_ppm, 1),
        "sigma": round(row.sigma_ppm, 2),
        "risk": risk.level,
        "why": list(risk.reasons),
        "stages": {name: outcome_of(facts) for name, facts in spectrum.provenance.items()},
        "facts": [numbers.get(name) for name in names],
        "spectrum": [packed(spectrum.mean * PPM), packed(spectrum.sigma * PPM)],
        "light": [_light(curve) for curve in spectrum.white_light],
    }
    if truth is not None:
        found["spectrum"].append(packed(truth.of([row.planet_id])[0] * PPM))
    if row.failure:
        found["failure"] = row.failure
    if row.score is not None:
        found |= {"score": round(row.score.score, 4), "rmse": round(row.score.rmse_ppm, 2)}
    if spectrum.fit is not None:
        laws = (spectrum.fit.limb_darkening, spectrum.fit.fgs1_limb_darkening)
        found |= {
            "misfit": round(row.misfit, 3),
            "flags": list(spectrum.fit.flags),
            "limb": [[round(c, 4) + 0.0 for c in law] for law in laws],
            "impact": round(spectrum.fit.impact, 3),
        }
    return found


def packed(values: np.ndarray) -> list[Any]:
    """Pack a curve: its least value, the size of a step, and the steps as base64.

    Parameters
    ----------
    values : ndarray [shape=(point,)]
        Finite.

    Returns
    -------
    list
        ``[least, step, base64 of little-endian uint16]``.

    Examples
    --------
    >>> packed(np.array([1.0, 2.0]))
    [1.0, 1.5259e-05, 'AAD//w==']
    """
    least, most = float(values.min()), float(values.max())
    step = float(f"{(most - least) / STEPS:.5g}") or 1.0
    steps = np.clip(np.round((values - least) / step), 0, STEPS).astype("<u2")
    return [float(f"{least:.9g}"), step, base64.b64encode(steps.tobytes()).decode()]


def _light(curve: WhiteLightCurve) -> dict[str, Any]:
    """Convert the white light of a visit to ppm relative to the level of its star."""
    star = curve.model / curve.drift
    level = np.median(star[[0, -1]])
    parts = {
        "raw": curve.flux / level - 1,
        "drift": curve.drift - 1,
        "transit": star / level - 1,
    }
    return {
        "time": packed(curve.time),
        "noise": round(PPM * float(np.median(curve.noise)) / float(level), 2),
        **{name: packed(values * PPM) for name, values in parts.items()},
    }


def _numbers(provenance: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Yield the numbers of all stages, rounded to five digits."""
    for name, value in flat_facts(provenance):
        if isinstance(value, int | float) and not isinstance(value, bool) and np.isfinite(value):
            yield name, float(f"{value:.5g}")
