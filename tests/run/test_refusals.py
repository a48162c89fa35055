"""Weights of another edition or revision do not run, and it is told why."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ariel_kit.core.config import RunSettings, StageSettings
from ariel_kit.core.errors import WeightsError
from ariel_kit.core.revisions import REVISIONS
from ariel_kit.models import load_card
from ariel_kit.models.weights import CARD_FILE
from ariel_kit.run import line as line_module
from ariel_kit.run.line import load_line
from ariel_kit.simulation import draw_planets, simulate_observation
from ariel_kit.spectral_extraction import learn_prior
from ariel_kit.uncertainty import Temperature
from tests.support.micro import save_micro_models

LEARNED = "jitter", "denoise", "refine", "uncertainty"
PRIOR = learn_prior(np.array([planet.depths for planet in draw_planets(60, seed=92)]))
ALL = RunSettings(stages=StageSettings.only(*LEARNED))


@pytest.fixture
def models(tmp_path, monkeypatch):
    """Micro weights that stand where those of the package do."""
    folder = save_micro_models(tmp_path)
    monkeypatch.setattr("ariel_kit.models.weights.SHIPPED", folder)
    monkeypatch.setattr("ariel_kit.uncertainty.temperature.SHIPPED", folder)
    line_module._tell_refusal.cache_clear()
    return folder


def restate(folder, **changes) -> None:
    """Let the card of a network say something else."""
    load_card(folder).model_copy(update=changes).save(folder / CARD_FILE)


def names(line) -> list[str]:
    return [stage.name for stage in line.stages]


@pytest.mark.usefixtures("models")
def test_a_stage_of_another_edition_is_off_and_every_spectrum_says_why(caplog):
    (planet,) = draw_planets(1, seed=91, stars=(4,))
    observation = replace(simulate_observation(planet, seed=0), edition=2025)
    line = load_line(ALL, edition=2025)
    assert names(line) == ["fit", "uncertainty"]
    assert line.weights == {}
    (spectrum,) = line([observation], PRIOR)
    for stage in LEARNED:
        told = spectrum.provenance[stage]
        assert told["status"] == "off"
        assert "holds for edition 2024, and the data are of 2025" in told["reason"]
        assert caplog.text.count(f"the stage {stage} is off: ") == 1
    assert spectrum.provenance["fit"]["status"] == "complete"
    load_line(ALL, edition=2025)
    assert caplog.text.count("the stage refine is off: ") == 1


def test_a_stage_of_another_revision_is_off_alone(models):
    assert names(load_line(ALL, edition=2024)) == [
        "jitter",
        "denoise",
        "fit",
        "refine",
        "uncertainty",
    ]
    restate(models / "resnet1d", revisions={"fit": REVISIONS["fit"] - 1})
    line = load_line(ALL, edition=2024)
    assert names(line) == ["jitter", "denoise", "fit", "uncertainty"]
    assert list(line.refusals) == ["refine"]
    assert (
        f"fit {REVISIONS['fit'] - 1}, which is {REVISIONS['fit']} today" in line.refusals["refine"]
    )


def test_without_the_refining_network_sigma_has_the_temperature_of_the_bare_fit(models):
    restate(models / "resnet1d", revisions={})
    (*_, last) = load_line(ALL, edition=2024).stages
    assert last.temperature == Temperature.load(models / "temperature" / "fit.json")


def test_one_raised_number_turns_off_what_rests_on_it(models, monkeypatch):
    restate(models / "tcn_jnet", revisions={"calibration": REVISIONS["calibration"]})
    monkeypatch.setitem(REVISIONS, "fit", 99)
    line = load_line(ALL, edition=2024)
    assert names(line) == ["jitter", "fit", "uncertainty"]
    assert set(line.refusals) == {"denoise", "refine", "uncertainty"}


@pytest.mark.parametrize("stage", LEARNED)
def test_own_weights_that_do_not_hold_are_an_error(stage, tmp_path, monkeypatch):
    folder = save_micro_models(tmp_path)
    settings = RunSettings(stages=StageSettings.only(stage))
    with pytest.raises(WeightsError, match=r"holds for edition 2024, .* leave out --models-dir\."):
        load_line(settings, folder, edition=2025)
    monkeypatch.setitem(REVISIONS, "fit", 99)
    with pytest.raises(WeightsError, match=r"was made by fit \d+, which is 99 today"):
        load_line(settings, folder, edition=2024)


def test_what_a_user_trained_for_an_edition_runs_on_it(tmp_path):
    folder = save_micro_models(tmp_path)
    restate(folder / "resnet1d", editions=[2024, 2025])
    line = load_line(RunSettings(stages=StageSettings.only("refine")), folder, edition=2025)
    assert "refine" in names(line)
