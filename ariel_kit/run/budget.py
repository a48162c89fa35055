"""The time of a run: how fast planets pass, and how many more there is time for."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence

from ariel_kit.core.config import BudgetSettings, RunSettings, StageSettings
from ariel_kit.core.parallel import PlanetFailure

log = logging.getLogger(__name__)

RECENT = 32
"""Number of the last planets whose pace is taken for that of the rest."""
FEWEST = 8
"""Number of planets that are measured before the time of the rest is projected."""
SMALL_SHARE = 0.25
"""A full fit that costs less than this share of the calibration is worth more than further
planets (``pytest -m benchmark -s tests/benchmarks/test_score_table.py`` has the scores of both)."""


def cheaper(settings: RunSettings) -> RunSettings:
    """Reduce settings to the quick recipe, white light alone, for want of time."""
    extraction = settings.extraction.model_copy(update={"extractor": "white"})
    return settings.model_copy(update={"extraction": extraction, "stages": StageSettings.only()})


LESSON_FITS = 4.0
"""What it takes to learn from a labelled planet, in full fits: one, and its conclusions under the
priors of all folds (``pytest -m benchmark -s tests/benchmarks/test_learning.py`` times both)."""


class Budget:
    """Measures how fast planets pass and says how many more there is time for.

    Parameters
    ----------
    settings : BudgetSettings
    clock : callable
        Seconds that only ever grow; the wall is counted from the first reading.

    Attributes
    ----------
    fit_pace : float
        Seconds a planet takes in the full fit; 0 before it was measured.

    Examples
    --------
    >>> budget = Budget(BudgetSettings(hours=1.0, margin=0.1), clock=iter([0.0, 240.0]).__next__)
    >>> budget.left
    3000.0
    """

    def __init__(
        self, settings: BudgetSettings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.settings, self.fit_pace = settings, 0.0
        self._clock = clock
        self._wall = clock() + 3600 * settings.hours * (1 - settings.margin)
        self._recent: deque[float] = deque(maxlen=RECENT + 1)
        self._n_done, self._warned = 0, False

    @property
    def left(self) -> float:
        """Seconds before the wall, the margin kept back."""
        return self._wall - self._clock()

    @property
    def pace(self) -> float:
        """Seconds a planet takes to be calibrated, of late; the first, which compiles, apart."""
        if len(self._recent) < 2:
            return 0.0
        return (self._recent[-1] - self._recent[0]) / (len(self._recent) - 1)

    def ration(self, planet_ids: Sequence[int]) -> Iterator[int]:
        """Hand out planets for as long as one more can pass before the wall.

        Each has to be reported by `note` when it has passed.
        """
        for handed_out, planet in enumerate(planet_ids):
            if self._n_done >= FEWEST:
                self._foresee(len(planet_ids) - self._n_done, len(planet_ids))
            fit = self._n_done * self.fit_pace if self.fit_pace < SMALL_SHARE * self.pace else 0.0
            if self.pace * (handed_out - self._n_done + 1) + fit > self.left:
                return
            yield planet

    def ration_lesson(self, planet_ids: Sequence[int], n_to_fit: int) -> Iterator[int]:
        """Hand out labelled planets for as long as there is time to learn from one more.

        Parameters
        ----------
        planet_ids : sequence of int
        n_to_fit : int
            Planets of the run itself; the time of their fits is kept back.
        """
        for count, planet in enumerate(planet_ids, start=1):
            needed = self.pace + (n_to_fit + count * LESSON_FITS) * self.fit_pace
            if needed > self.left:
                return
            yield planet

    def note(self) -> bool:
        """Count one more planet; say whether the full fit should be timed on those so far."""
        self._n_done += 1
        self._recent.append(self._clock())
        return self._n_done == FEWEST

    def time_fit(self, fit: Callable[[], Sequence[object]]) -> None:
        """Learn what the full fit costs; the time does not count as the planets' own."""
        start = self._clock()
        n_fitted = len(fit())
        spent = self._clock() - start
        self.fit_pace = spent / n_fitted
        self._recent = deque((moment + spent for moment in self._recent), self._recent.maxlen)

    def affordable(self, n_planets: int) -> int:
        """Say how many of `n_planets` there is time to fit in full."""
        self._foresee(0, n_planets)
        if self.fit_pace == 0 or self.left <= 0:
            return n_planets if self.left > 0 else 0
        return min(n_planets, int(self.left / self.fit_pace))

    def failure(self, planet_id: int) -> PlanetFailure:
        """Report a planet for which no time was left."""
        reason = (
            f"a planet must start before the wall of {self.settings.hours:g} h; no time was left. "
            "Raise budget.hours, or use more processes."
        )
        return PlanetFailure(planet_id, "BudgetError", reason)

    def _foresee(self, n_to_calibrate: int, n_to_fit: int) -> None:
        """Warn, once, when what is to be done will not be done before the wall."""
        needed = n_to_calibrate * self.pace + n_to_fit * self.fit_pace
        if self._warned or needed <= self.left:
            return
        self._warned = True
        log.warning(
            "calibrating %d more planets at %.2f s and fitting %d at %.2f s takes %.2f h, and "
            "%.2f h are left before the wall (budget.hours=%g): the last planets keep the quick "
            "white-light fit, or the safe prior",
            n_to_calibrate,
            self.pace,
            n_to_fit,
            self.fit_pace,
            needed / 3600,
            max(0.0, self.left) / 3600,
            self.settings.hours,
        )
