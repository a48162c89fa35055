"""Drift families: the mission's formula, and the courses of the others."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest
from scipy import stats

from ariel_kit.core.errors import UnknownNameError
from ariel_kit.core.instruments import AIRS, FGS1, Instrument
from ariel_kit.simulation.drift import (
    AMPLITUDE,
    Drift,
    PolynomialCourse,
    draw_drift,
    extracted_columns,
    relative_columns,
)
from ariel_kit.simulation.optics import airs_spectrum, get_star

FAMILIES = ("mission", "legacy", "ramp", "step", "wave")
U = np.linspace(0, 1, 187)


def white(drifts: Iterable[Drift]) -> np.ndarray:
    """Flux-weighted drift of star 0 in time [shape=(drift, time)]."""
    share = airs_spectrum(get_star(0))[AIRS.columns][::-1]
    return np.array([drift(U, extracted_columns()) @ share for drift in drifts]) / share.sum()


def many(family: str, n: int = 3000) -> list[Drift]:
    rng, light = np.random.default_rng(5), airs_spectrum(get_star(0))
    return [draw_drift(rng, AIRS, family=family, light=light) for _ in range(n)]


def legendre(curves: np.ndarray) -> np.ndarray:
    return np.polynomial.legendre.legfit(2 * U - 1, curves.T, 5)[1:].T


@pytest.mark.parametrize("instrument", [AIRS, FGS1], ids=str)
def test_the_mission_draws_its_documented_formula(instrument: Instrument) -> None:
    """z = A f(u) g(v) / range, recomputed from the same random numbers on the whole grid."""
    drift = draw_drift(np.random.default_rng(7), instrument)
    rng = np.random.default_rng(7)
    c, d = rng.uniform(-1, 1, 6), rng.uniform(-1, 1, 6)
    amplitude = rng.uniform(1e-3, 5e-3)
    u, column = np.linspace(0, 1, 5000), np.arange(instrument.width)
    f = sum(c[i] * u**i for i in range(6))
    g = sum(d[j] * (column / column[-1]) ** j for j in range(6))
    product = np.outer(f, g)
    expected = amplitude * product / (product.max() - product.min())
    assert drift(u, relative_columns(instrument)) == pytest.approx(expected, rel=1e-6, abs=1e-12)


def test_the_range_of_a_mission_drift_is_its_amplitude() -> None:
    rng, v, u = np.random.default_rng(1), relative_columns(AIRS), np.linspace(0, 1, 4001)
    ranges = [np.ptp(draw_drift(rng, AIRS)(u, v)) for _ in range(300)]
    assert stats.kstest(ranges, stats.uniform(1e-3, 4e-3).cdf).pvalue > 0.01
    assert AMPLITUDE == (1e-3, 5e-3)


def test_a_mission_drift_has_one_singular_value() -> None:
    for drift in many("mission", 20):
        values = np.linalg.svd(drift(U, extracted_columns()), compute_uv=False)
        assert values[1] < 1e-12 * values[0]


def test_the_two_instruments_drift_on_their_own() -> None:
    from ariel_kit.simulation import draw_planets

    planets = draw_planets(400, seed=3)
    airs = legendre(white([p.airs_drift for p in planets]))[:, 0]
    fgs1 = legendre(np.array([p.fgs1_drift(U, np.array([0.5]))[:, 0] for p in planets]))[:, 0]
    assert abs(stats.spearmanr(airs, fgs1).statistic) < 0.15


def test_white_light_has_the_legendre_statistics_of_the_family() -> None:
    """Ratios and correlations that the challenge's white light curves have too."""
    coefficients = legendre(white(many("mission")))
    sizes = coefficients.std(axis=0)
    assert sizes[:4] / sizes[0] == pytest.approx([1, 0.61, 0.25, 0.07], abs=0.03)
    neighbours = [np.corrcoef(coefficients[:, k : k + 2].T)[0, 1] for k in range(3)]
    assert neighbours == pytest.approx([0.54, 0.72, 0.88], abs=0.06)


def test_legacy_drifts_are_what_they_were() -> None:
    drifts = many("legacy")
    ppm = legendre(white(drifts)).std(axis=0) * 1e6
    assert ppm[:4] == pytest.approx([690, 420, 175, 49], rel=0.1)
    followers = [Drift(drift.terms[1:]) for drift in drifts[:50]]
    assert np.abs(white(followers)).max() < 1e-12  # white light follows the first term alone
    planes = [drift(U, extracted_columns()) for drift in drifts[:200]]
    values = np.linalg.svd(planes, compute_uv=False)
    assert 0.005 < np.median(values[:, 1] / values[:, 0]) < 0.1


@pytest.mark.parametrize("family", ["ramp", "step", "wave"])
def test_a_strange_drift_comes_on_top_of_the_missions(family: str) -> None:
    plain = draw_drift(np.random.default_rng(9), AIRS)
    strange = draw_drift(np.random.default_rng(9), AIRS, family=family)
    assert strange.terms[0] == plain.terms[0]
    course = strange.terms[1].course(U)
    if family == "step":
        assert set(course) == {0.0, 1.0}
        assert (np.diff(course) >= 0).all()
    elif family == "ramp":
        assert np.diff(np.log(course)) == pytest.approx(np.log(course[1]), rel=1e-9)
        assert 0.5 < -7.5 / np.log(course[-1]) < 3.0
    else:
        # a wave is its own second derivative but for a factor
        factor = np.diff(course, 2) / course[1:-1]
        assert np.median(factor) == pytest.approx(factor[10], rel=1e-3)
        assert 2.0 < 2 * np.pi / np.sqrt(-np.median(factor)) * 7.5 / 186 < 6.0


def test_drifts_add_and_scale() -> None:
    one, other = many("mission", 2)
    v = extracted_columns()
    assert (one + other * 2.0)(U, v) == pytest.approx(one(U, v) + 2 * other(U, v), rel=1e-12)


def test_a_polynomial_course_is_that_polynomial() -> None:
    assert PolynomialCourse((1.0, 0.0, 3.0))(np.array([0.5])) == pytest.approx([1.75])


def test_channels_look_at_the_right_columns() -> None:
    """The first wavelength is the shortest, on the last extracted column."""
    assert extracted_columns()[[0, -1]] * 355 == pytest.approx([320, 39])


@pytest.mark.parametrize("family", FAMILIES)
def test_equal_seeds_draw_equal_drifts(family: str) -> None:
    first, again = (draw_drift(np.random.default_rng(2), FGS1, family=family) for _ in range(2))
    assert first == again


def test_an_unknown_family_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'wave'"):
        draw_drift(np.random.default_rng(0), AIRS, family="waves")  # type: ignore[arg-type]
