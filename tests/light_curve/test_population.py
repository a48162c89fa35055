"""Learning of the distribution of windows: planted populations are recovered."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ariel_kit.core.errors import DataFileError
from ariel_kit.core.star_info import StarInfo
from ariel_kit.light_curve.population import (
    DARKENED_STARS,
    TEMPERATURE_SCALE,
    UNIFORM_STARS,
    USUAL_TEMPERATURE,
    WindowLikelihood,
    catalogue_path,
    population_of,
)

STAR = StarInfo(1.2, 1.1, 5900.0, 0.9, 0.0, 5.2, 10.5, 88.5)


def stars(n: int, rng: np.random.Generator) -> list[StarInfo]:
    return [
        replace(
            STAR,
            temperature=float(rng.uniform(4500, 6800)),
            period=float(rng.uniform(3, 7.5)),
            semi_major_axis=float(rng.uniform(5, 18)),
            inclination=float(rng.uniform(86.5, 90)),
        )
        for _ in range(n)
    ]


def test_the_catalogue_path_ends_at_the_contact() -> None:
    """``z**2 = a**2 (1 - sin(i)**2 cos(phase)**2)`` of a circular orbit."""
    _, log_half, impact = catalogue_path(STAR, 1.3)
    phase = 2 * np.pi * np.exp(log_half) / (24 * STAR.period)
    squared = 1 - (np.sin(np.radians(STAR.inclination)) * np.cos(phase)) ** 2
    assert STAR.semi_major_axis * np.sqrt(squared) == pytest.approx(1.3, rel=1e-9)
    assert np.sqrt(impact) == pytest.approx(10.5 * np.cos(np.radians(88.5)))


def test_a_planted_population_is_learned(rng: np.random.Generator) -> None:
    n, own = 400, stars(400, rng)
    planted = replace(
        DARKENED_STARS,
        coefficients=DARKENED_STARS.coefficients + np.array([[0.1], [0.03]]) * np.ones(10) * 0.5,
        covariance=DARKENED_STARS.covariance * 0.5,
    )
    prior = planted.prior(own)
    truth = np.array(
        [
            rng.multivariate_normal(mean, np.linalg.inv(precision))
            for mean, precision in zip(prior.mean, prior.precision, strict=True)
        ]
    )
    noise = 0.5 * np.sqrt(np.diag(planted.covariance))
    precision = np.tile(np.diag(noise**-2.0), (n, 1, 1))
    seen = truth + noise * rng.standard_normal(truth.shape)
    learned = DARKENED_STARS.learn(WindowLikelihood(precision, seen / noise**2), own)
    off = np.abs(learned.coefficients - planted.coefficients)
    sigma = np.sqrt(np.diag(planted.covariance))
    assert (off[0] / sigma).max() < 0.35
    assert (off[1] / sigma).max() < 0.35
    ratio = np.diag(learned.covariance) / np.diag(planted.covariance)
    assert ratio.min() > 0.75
    assert ratio.max() < 1.35


def test_a_planet_that_is_far_off_hardly_moves_the_others(rng: np.random.Generator) -> None:
    own = stars(60, rng)
    prior = DARKENED_STARS.prior(own)
    precision = 4 * prior.precision
    information = np.einsum("pij,pj->pi", precision, prior.mean)
    learned = DARKENED_STARS.learn(WindowLikelihood(precision, information), own)
    strange = prior.mean.copy()
    strange[7] += 25 * np.sqrt(np.diag(DARKENED_STARS.covariance))
    information = np.einsum("pij,pj->pi", precision, strange)
    again = DARKENED_STARS.learn(WindowLikelihood(precision, information), own)
    sigma = np.sqrt(np.diag(DARKENED_STARS.covariance))
    assert (np.abs(again.coefficients - learned.coefficients) / sigma).max() < 0.3


def test_a_star_that_no_catalogue_knows_has_a_wider_prior() -> None:
    known, unknown = (np.linalg.inv(DARKENED_STARS.prior([s]).precision[0]) for s in (STAR, None))
    assert unknown[1, 1] > 20 * known[1, 1]
    assert unknown[6, 6] == pytest.approx(known[6, 6])


def test_the_mean_is_linear_in_the_temperature() -> None:
    kelvin = USUAL_TEMPERATURE + TEMPERATURE_SCALE * np.array([-1, 0, 1])
    means = DARKENED_STARS.prior([replace(STAR, temperature=float(t)) for t in kelvin]).mean
    assert np.allclose(means[1] - means[0], means[2] - means[1], atol=1e-12)
    assert np.allclose(means[1, 3:], DARKENED_STARS.coefficients[0, 3:])


def test_an_edition_names_its_population() -> None:
    assert population_of(2024) is UNIFORM_STARS
    assert population_of(2025) is DARKENED_STARS


@pytest.mark.parametrize(
    ("column", "value"), [("Ts", None), ("Ts", 40.0), ("sma", 0.3), ("P", -1.0), ("i", 190.0)]
)
def test_a_row_that_is_no_transiting_planet_is_told(column: str, value: float | None) -> None:
    row = {"Rs": 1.0, "Ms": 1.0, "Ts": 5800, "Mp": 1.0, "e": 0.0, "P": 4.0, "sma": 9.0, "i": 89.0}
    assert StarInfo.of(row).temperature == 5800.0
    with pytest.raises(DataFileError, match=f"star_info needs .*{column}"):
        StarInfo.of({**row, column: value})
