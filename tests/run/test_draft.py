"""The submission under way is whole at every moment, and holds the best that is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ariel_kit.core.instruments import wavelengths
from ariel_kit.core.parallel import PlanetFailure
from ariel_kit.core.spectrum import FitFacts, Spectrum
from ariel_kit.data.submission import validate_submission
from ariel_kit.run.draft import GROUP, Draft, combine_visits

PLANETS = list(range(100))
SAFE, QUICK = 0.002, 0.001


class Prior:
    """As much of a `SpectrumPrior` as a draft asks for."""

    def fallback(self, planet_id: int, reason: str) -> Spectrum:
        return spectrum(planet_id, SAFE, fit={"status": "fallback", "reason": reason})


FACTS = FitFacts(3.75, 1.3, 1.2, 0.4, (0.0,) * 4, (0.0,) * 4, 0.004, 2e-5, 1.0)


def spectrum(planet_id: int, depth: float, sigma: float = 1e-4, **provenance: object) -> Spectrum:
    ones = np.ones(283)
    provenance = {"fit": {"status": "complete"}, **provenance}
    facts = FACTS if provenance["fit"]["status"] == "complete" else None
    return Spectrum(
        planet_id, wavelengths(), depth * ones, sigma * ones, fit=facts, provenance=provenance
    )


def written(path: Path) -> np.ndarray:
    """Depths of the file, which has to be valid."""
    assert validate_submission(path, PLANETS).ok
    return pl.read_csv(path)["wl_1"].to_numpy()


@pytest.fixture
def groups() -> list[int]:
    return []


@pytest.fixture
def draft(tmp_path: Path, groups: list[int]) -> Draft:
    def extract(paths: list[Path]) -> list[Spectrum]:
        groups.append(len(paths))
        return [spectrum(int(path.name), QUICK) for path in paths]

    return Draft(tmp_path / "submission.csv", PLANETS, Prior(), extract)


def test_it_starts_as_the_safe_prior(draft):
    assert (written(draft.path) == SAFE).all()


def test_groups_grow_until_they_are_full_and_lag_by_one_group_at_most(draft, groups):
    for planet in PLANETS:
        draft.add([Path(str(planet))])
        n_quick = int((written(draft.path) == QUICK).sum())
        assert n_quick == sum(groups)
        assert planet + 1 - n_quick < min(GROUP, max(1, n_quick))
    assert groups == [1, 1, 2, 4, 8, 16, 32, 32]
    draft.refresh()
    assert groups[-1] == 4
    assert (written(draft.path) == QUICK).all()
    draft.refresh()
    assert sum(groups) == len(PLANETS)


def test_the_last_word_names_what_could_not_be_measured(draft):
    failed = spectrum(2, SAFE, fit={"status": "fallback", "reason": "no transit"})
    unread = PlanetFailure(3, "DataFileError", "dark.parquet is missing.")
    fitted = [spectrum(planet, 0.004) for planet in PLANETS if planet not in (2, 3)]
    spectra, failures = draft.write([failed, *fitted], [unread])
    assert failures == [unread, PlanetFailure(2, "FitError", "no transit.")]
    assert [s.planet_id for s in spectra] == PLANETS
    assert spectra[2].provenance["fit"] == {"status": "fallback", "reason": "no transit."}
    assert spectra[3].provenance["fit"]["reason"] == "dark.parquet is missing."
    assert list(written(draft.path)[:4]) == [0.004, 0.004, SAFE, SAFE]


def test_a_good_visit_makes_up_for_a_bad_one(draft):
    bad = spectrum(0, SAFE, fit={"status": "fallback", "reason": "no transit"})
    endless = spectrum(1, np.nan)
    good = [spectrum(planet, 0.004) for planet in PLANETS]
    spectra, failures = draft.write([bad, endless, *good])
    assert failures == []
    assert (written(draft.path) == 0.004).all()
    assert "visits" not in spectra[0].provenance


def test_visits_are_weighted_by_their_precision():
    ones = np.ones(283)
    first, second = (
        Spectrum(3, wavelengths(), mean * ones, sigma * ones, covariance=np.eye(283))
        for mean, sigma in ((1e-3, 3e-5), (2e-3, 1e-5))
    )
    both = combine_visits([first, second])
    np.testing.assert_allclose(both.mean, 1.9e-3)
    np.testing.assert_allclose(both.sigma, (1 / 3e-5**2 + 1 / 1e-5**2) ** -0.5)
    assert both.covariance is None
    assert both.provenance["visits"] == 2
    assert combine_visits([first]) is first
