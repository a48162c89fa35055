"""The learned stages in the line: on, off, skipped, told; none changes what it should not."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace

import numpy as np
import pytest
import torch

from ariel_kit.core.cache import Mapped
from ariel_kit.core.config import RunSettings, StageSettings
from ariel_kit.core.errors import WeightsError
from ariel_kit.core.runtime import torch_threads
from ariel_kit.jitter_correction import stage
from ariel_kit.light_curve.stage import LineState
from ariel_kit.models import weights
from ariel_kit.pipeline import run_pipeline
from ariel_kit.run.line import LINE, load_line
from ariel_kit.simulation import draw_planets, simulate_observation
from ariel_kit.spectral_extraction import fit_planets, learn_prior
from ariel_kit.spectral_extraction.stage import FitStage
from tests.support.micro import FACTORS, save_micro_models

PLANETS = draw_planets(3, seed=91, stars=(4, 5))
PRIOR = learn_prior(np.array([planet.depths for planet in draw_planets(60, seed=92)]))


@pytest.fixture(scope="module")
def observations():
    return [simulate_observation(planet, seed=i) for i, planet in enumerate(PLANETS)]


@pytest.fixture(scope="module")
def plain(observations):
    """What the line says without learned stages."""
    return load_line(stages(), edition=2024)(observations, PRIOR)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return save_micro_models(tmp_path_factory.mktemp("models"))


def stages(*names, **extraction) -> RunSettings:
    plain = RunSettings(stages=StageSettings.only(*names))
    return plain.model_copy(update={"extraction": plain.extraction.model_copy(update=extraction)})


def status(spectrum, stage):
    return spectrum.provenance[stage]["status"]


def test_without_stages_the_line_is_the_fit(plain, observations):
    fits = fit_planets(observations, prior=PRIOR)
    for spectrum, fitted in zip(plain, fits, strict=True):
        assert spectrum.mean.tobytes() == fitted.mean.tobytes()
        assert spectrum.sigma.tobytes() == fitted.sigma.tobytes()
        assert spectrum.covariance.tobytes() == fitted.covariance.tobytes()
        off = {name: {"status": "off"} for name in StageSettings.model_fields}
        assert spectrum.provenance == {**off, **fitted.provenance}


def test_a_temperature_scales_sigma_and_nothing_else(plain, observations, models):
    warm = load_line(stages("uncertainty"), models, edition=2024)(observations, PRIOR)
    for before, after in zip(plain, warm, strict=True):
        assert after.mean.tobytes() == before.mean.tobytes()
        np.testing.assert_allclose(after.sigma, FACTORS["fit"] * before.sigma, rtol=1e-12)
        assert after.provenance["uncertainty"]["factor"] == FACTORS["fit"]
        assert status(after, "refine") == "off"


def test_the_temperature_follows_the_network(plain, observations, models):
    refined = load_line(stages("refine"), models, edition=2024)(observations, PRIOR)
    for before, after in zip(plain, refined, strict=True):
        assert status(after, "refine") == "complete"
        assert status(after, "uncertainty") == "off"
        assert np.abs(after.mean - before.mean).max() > 1e-7
    both = stages("refine", "uncertainty")
    warm = load_line(both, models, edition=2024)(observations, PRIOR)
    for before, after in zip(refined, warm, strict=True):
        # The temperature of a line is that of the line with its network.
        np.testing.assert_allclose(after.sigma, FACTORS["refined"] * before.sigma, rtol=1e-12)


def test_jitter_is_corrected_before_the_fit(observations, models, monkeypatch):
    """Every observation once, before its light curves are binned."""
    seen = []

    def halve(observation, *, model):
        seen.append(observation.planet_id)
        facts = {"status": "complete"}
        return observation.with_step("jitter", facts, airs_noise=observation.airs_noise / 2)

    monkeypatch.setattr(stage, "correct_jitter", halve)
    quiet = [replace(o, airs_noise=o.airs_noise / 2) for o in observations]
    expected = load_line(stages(), edition=2024)(quiet, PRIOR)
    found = load_line(stages("jitter"), models, edition=2024)(observations, PRIOR)
    assert seen == [planet.planet_id for planet in PLANETS]
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.mean.tobytes() == theirs.mean.tobytes()
        assert status(ours, "jitter") == "complete"


def test_observations_pass_one_by_one(observations):
    """A run of 800 planets does not fit in memory."""
    passed = []

    def make(place):
        gc.collect()
        assert all(reference() is None for reference in passed[:-1])
        copy = replace(observations[place])
        passed.append(weakref.ref(copy))
        return copy

    places = range(len(observations))
    load_line(stages(extractor="white"), edition=2024)(Mapped(make, places), PRIOR)
    assert len(passed) == len(PLANETS)


def test_planets_without_a_joint_fit_are_left_alone(observations, models):
    on = ("refine", "uncertainty")
    white = load_line(stages(*on, extractor="white"), models, edition=2024)(observations, PRIOR)
    plain = load_line(stages(extractor="white"), edition=2024)(observations, PRIOR)
    for ours, theirs in zip(white, plain, strict=True):
        assert ours.sigma.tobytes() == theirs.sigma.tobytes()
        assert [status(ours, stage) for stage in on] == ["skipped", "skipped"]
        assert "joint fit" in ours.provenance["refine"]["reason"]
    dark = replace(observations[0], airs=0 * observations[0].airs)
    first, second = load_line(stages(*on), models, edition=2024)([dark, observations[1]], PRIOR)
    assert [status(first, stage) for stage in ("fit", *on)] == ["fallback", "skipped", "skipped"]
    assert [status(second, stage) for stage in ("fit", *on)] == ["complete"] * 3


def test_the_order_of_planets_changes_nothing(observations, models):
    """Dropout is the same for all planets, whichever comes first."""
    settings = stages("refine", "uncertainty")
    forth = load_line(settings, models, edition=2024)(observations, PRIOR)
    back = load_line(settings, models, edition=2024)(observations[::-1], PRIOR)
    for ours, theirs in zip(forth, back[::-1], strict=True):
        np.testing.assert_allclose(ours.mean, theirs.mean, rtol=1e-6)
        np.testing.assert_allclose(ours.sigma, theirs.sigma, rtol=1e-5)


def test_the_seed_of_a_run_reaches_the_dropout(observations, models):
    refined = stages("refine")
    one, other = (
        load_line(settings, models, edition=2024)(observations[:1], PRIOR)[0]
        for settings in (refined, refined.model_copy(update={"seed": 1}))
    )
    assert one.provenance["refine"]["status"] == "complete"
    assert (one.mean != other.mean).any()


def test_weights_are_known_by_their_checksums(models):
    line = load_line(stages("jitter", "uncertainty"), models, edition=2024)
    assert list(line.weights) == ["jitter", "uncertainty"]
    assert all(len(checksum) == 64 for checksum in line.weights.values())
    assert line.stages[0].model.config["width"] == 8  # the own one, not that of the package


def test_the_line_has_every_stage_once_and_in_its_order():
    assert [stage.name for stage in LINE] == ["jitter", "denoise", "fit", "refine", "uncertainty"]
    assert {stage.name for stage in LINE} - {"fit"} == set(StageSettings.model_fields)


@pytest.mark.parametrize("stage", LINE, ids=lambda stage: stage.name)
def test_a_stage_has_the_one_shape(stage, observations, models):
    loaded = stage.load(stages(*StageSettings.model_fields), models, "cpu")
    state = LineState(observations[:1], PRIOR)
    if stage.name in ("refine", "uncertainty"):  # these two work on what the fit leaves
        fit = FitStage.load(stages(), None, "cpu")(state).fit
        visits = [observations[0].visit()]
        state = LineState((), PRIOR, visits=visits, spectra=fit.spectra)
    assert isinstance(loaded(state), LineState)
    assert stage.name == "fit" or loaded.weights is not None
    switched_off = stage.load(stages(), models, "cpu")
    assert switched_off is None or stage.name in ("fit", "uncertainty")


def test_weights_are_loaded_once_a_run(models, monkeypatch, tiny, tmp_path, calibrations):
    reads = []
    read = weights._read_checked
    monkeypatch.setattr(weights, "_read_checked", lambda *file: reads.append(file) or read(*file))
    run_pipeline(tiny, tmp_path, settings=stages("jitter", "refine"), models_dir=models)
    assert len(reads) == 2


def test_torch_has_its_threads_back_after_the_line(observations):
    before = torch.get_num_threads()
    with torch_threads(before + 1):
        load_line(stages(extractor="white"), edition=2024)(observations[:1], PRIOR)
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("stage", ["jitter", "denoise", "refine", "uncertainty"])
def test_missing_weights_are_one_sentence_with_the_remedy(stage, monkeypatch, tmp_path):
    monkeypatch.setattr("ariel_kit.models.weights.SHIPPED", tmp_path)
    monkeypatch.setattr("ariel_kit.uncertainty.temperature.SHIPPED", tmp_path)
    with pytest.raises(WeightsError, match=rf"'{stage}' needs .* set stages\.{stage}=false"):
        load_line(stages(stage), edition=2024)


@pytest.mark.parametrize("stage", ["jitter", "uncertainty"])
def test_a_folder_of_models_without_a_network_is_refused(stage, tmp_path):
    with pytest.raises(WeightsError, match=r"must hold weights folders .* it holds nothing"):
        load_line(stages(stage), tmp_path, edition=2024)
