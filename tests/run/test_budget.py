"""A run against an injected clock: who is measured, who falls back, who is left out."""

from __future__ import annotations

import logging

import pytest

from ariel_kit.core.config import BudgetSettings, RunSettings, make_settings
from ariel_kit.run.budget import FEWEST, Budget, cheaper

HOUR = 3600.0


class Clock:
    """Seconds that pass only when somebody works."""

    def __init__(self) -> None:
        self.now = 1e5

    def __call__(self) -> float:
        return self.now

    def work(self, seconds: float) -> None:
        self.now += seconds


class Run:
    """Planets that take `seconds` each, `at_once` of them under way, and `fit` in the full fit."""

    def __init__(self, n_planets, seconds, *, hours, fit=0.1, at_once=1, compile_seconds=0.0):
        self.clock = Clock()
        self.budget = Budget(BudgetSettings(hours=hours), clock=self.clock)
        self.done, under_way = [], []
        self.clock.work(compile_seconds)
        for planet in self.budget.ration(range(n_planets)):
            under_way.append(planet)
            if len(under_way) == at_once:
                self._finish(under_way.pop(0), seconds / at_once, fit)
        for planet in under_way:
            self._finish(planet, seconds / at_once, fit)
        self.n_full = self.budget.affordable(len(self.done))
        self.clock.work(self.n_full * fit)
        self.hours = (self.clock.now - 1e5) / HOUR

    def _finish(self, planet, seconds, fit):
        self.clock.work(seconds)
        self.done.append(planet)
        if self.budget.note():
            self.budget.time_fit(lambda: self.clock.work(len(self.done) * fit) or self.done)


def warnings(caplog):
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


@pytest.mark.parametrize("at_once", [1, 2, 4])
def test_a_usual_run_is_left_alone(caplog, at_once):
    run = Run(800, 0.5, hours=9.0, fit=0.13, at_once=at_once, compile_seconds=60.0)
    assert run.done == list(range(800))
    assert run.n_full == 800
    assert warnings(caplog) == []


def test_a_dear_fit_is_done_for_as_many_as_there_is_time_for(caplog):
    run = Run(800, 10.0, hours=9.0, fit=60.0)
    assert run.done == list(range(800))
    left = 0.9 * 9 * HOUR - 800 * 10 - FEWEST * 60
    assert run.n_full == int(left / 60)
    assert 8.0 < run.hours < 8.1
    (text,) = warnings(caplog)
    assert "calibrating 792 more planets at 10.00 s and fitting 800 at 60.00 s takes" in text
    assert "(budget.hours=9)" in text


@pytest.mark.parametrize("at_once", [1, 4])
def test_planets_that_no_time_is_left_for_are_left_out(caplog, at_once):
    run = Run(800, 60.0 * at_once, hours=9.0, fit=0.1, at_once=at_once)
    assert 450 < len(run.done) < 486
    assert run.n_full == len(run.done)  # a cheap fit is worth more than one planet more
    assert 7.9 < run.hours < 8.1
    assert len(warnings(caplog)) == 1
    failure = run.budget.failure(799)
    assert str(failure).startswith("planet 799: BudgetError: a planet must start before the wall")
    assert "Raise budget.hours" in failure.reason


def test_both_fall_back_when_both_are_dear():
    run = Run(800, 60.0, hours=9.0, fit=60.0)
    assert len(run.done) == int((0.9 * 9 * HOUR - FEWEST * 60) / 60)
    assert run.n_full == 0
    assert run.hours <= 8.1


def test_the_pace_is_that_of_late():
    """Half of the planets are found again in the cache, and cost nothing."""
    clock = Clock()
    budget = Budget(BudgetSettings(hours=1.0, margin=0.0), clock=clock)
    done = 0
    for planet in budget.ration(range(300)):
        clock.work(0.01 if planet < 150 else 40.0)
        budget.note()
        done += 1
    assert budget.pace == pytest.approx(40.0)
    assert 0 <= budget.left < 40.0
    assert done == 150 + int((HOUR - 1.5) / 40)


def test_the_margin_is_kept_back_and_a_spent_budget_affords_nothing():
    clock = Clock()
    budget = Budget(BudgetSettings(hours=2.0, margin=0.25), clock=clock)
    assert budget.left == 1.5 * HOUR
    assert budget.affordable(5) == 5
    clock.work(1.5 * HOUR)
    assert budget.affordable(5) == 0


def test_the_quick_recipe_keeps_everything_but_the_fit():
    settings = make_settings(
        RunSettings,
        {
            "seed": 3,
            "extraction": {"bin_seconds": 288.0},
            "stages": {"jitter": True, "refine": True},
            "on_error": "fallback",
        },
    )
    quick = cheaper(settings)
    assert quick.extraction.extractor == "white"
    changed = {**settings.model_dump(), "extraction": {**settings.extraction.model_dump()}}
    changed["extraction"]["extractor"] = "white"
    changed["stages"] = dict.fromkeys(changed["stages"], False)
    assert quick.model_dump() == changed


def test_labelled_planets_are_handed_out_while_the_run_itself_keeps_its_time():
    """With an hour, 100 fits of 10 s to come and 4 fits for each lesson: as many as fit beside."""
    run = Run(FEWEST, 1.0, hours=1.0, fit=10.0)
    left = run.budget.left
    handed = list(run.budget.ration_lesson(range(1000), 100))
    each = 4 * run.budget.fit_pace
    assert len(handed) == int((left - run.budget.pace - 100 * run.budget.fit_pace) / each)
    run.clock.work(left)
    assert list(run.budget.ration_lesson(range(1000), 100)) == []


def test_the_time_of_cheap_fits_is_kept_back_and_that_of_dear_ones_is_not():
    """A fit is cheap below a quarter of the calibration's time."""
    cheap = Run(800, 60.0, hours=9.0, fit=14.9)
    assert cheap.n_full == len(cheap.done) == pytest.approx(0.9 * 9 * HOUR / 74.9, abs=3)
    dear = Run(800, 60.0, hours=9.0, fit=15.0)
    assert len(dear.done) == int((0.9 * 9 * HOUR - FEWEST * 15) / 60)


def test_the_pace_counts_32_planets_and_no_time_of_a_fit():
    clock = Clock()
    budget = Budget(BudgetSettings(hours=1.0), clock=clock)
    for seconds in (99.0, 320.0):
        clock.work(seconds)
        budget.note()
    assert budget.pace == 320.0
    for _ in range(31):
        budget.note()
    assert budget.pace == pytest.approx(10.0)
    budget.note()
    assert budget.pace == 0.0
    budget.time_fit(lambda: clock.work(64.0) or [1, 2])
    assert budget.fit_pace == 32.0
    clock.work(32.0)
    budget.note()
    assert budget.pace == pytest.approx(1.0)


def test_fits_that_will_not_all_be_done_are_told_where_nothing_was_told_before(caplog):
    clock = Clock()
    budget = Budget(BudgetSettings(hours=1.0, margin=0.0), clock=clock)
    budget.time_fit(lambda: clock.work(600.0) or [1])
    assert budget.affordable(5) == 5
    assert warnings(caplog) == []
    assert budget.affordable(6) == 5
    assert "fitting 6 at 600.00 s takes 1.00 h" in warnings(caplog)[0]


def test_the_last_half_second_is_still_time():
    clock = Clock()
    budget = Budget(BudgetSettings(hours=1.0, margin=0.0), clock=clock)
    clock.work(HOUR - 0.5)
    assert budget.affordable(5) == 5
