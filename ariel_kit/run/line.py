"""Calibrated observations to spectra: the fit, and the learned stages around it.

A learned stage runs where its setting switches it on, and writes under its name in the provenance
of a spectrum what it did, or why it did not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ariel_kit.core.cache import file_sha256
from ariel_kit.core.config import RunSettings, StageSettings
from ariel_kit.core.errors import WeightsError
from ariel_kit.core.observation import Curves, Observation
from ariel_kit.core.runtime import available_cores
from ariel_kit.core.spectrum import Spectrum
from ariel_kit.models.registry import create_model, find_weights, load_card

if TYPE_CHECKING:
    from torch import nn

    from ariel_kit.light_curve.systematics import Denoiser
    from ariel_kit.spectral_extraction import SpectrumPrior
    from ariel_kit.spectral_extraction.resnet1d import ResNet1D
    from ariel_kit.uncertainty import Temperature

OFF = {"status": "off"}
NO_FIT = {"status": "skipped", "reason": "there is no joint fit of this planet"}

NETWORKS = {"jitter": "tcn_jnet", "denoise": "physnet", "refine": "resnet1d"}
"""Whose weights a stage needs."""


@dataclass(frozen=True)
class Stages:
    """The learned stages of a run, loaded; None is one that is switched off.

    Attributes
    ----------
    jitter : nn.Module, optional
        A ``tcn_jnet``.
    denoise : callable, optional
        From `ariel_kit.denoising.stage.make_denoiser`.
    refine : ResNet1D, optional
    uncertainty : Temperature, optional
    weights : dict
        SHA-256 of each stage's weights.
    """

    jitter: nn.Module | None = None
    denoise: Denoiser | None = None
    refine: ResNet1D | None = None
    uncertainty: Temperature | None = None
    weights: dict[str, str] = field(default_factory=dict)


def load_stages(settings: StageSettings, models_dir: str | Path | None = None) -> Stages:
    """Load the weights of every stage that is switched on.

    Parameters
    ----------
    settings : StageSettings
    models_dir : path, optional
        Folder of own weights folders; those that it lacks come from the package.

    Raises
    ------
    WeightsError
        If weights are missing, damaged, or of another network.

    Examples
    --------
    >>> stages = load_stages(StageSettings.only("jitter"))
    >>> type(stages.jitter).__name__, stages.refine, list(stages.weights)
    ('TCNJNet', None, ['jitter'])
    """
    loaded: dict[str, Any] = {}
    weights: dict[str, str] = {}
    for stage in settings.switched_on():
        if stage == "uncertainty":
            loaded[stage], weights[stage] = _load_temperature(settings.refine, models_dir)
        else:
            loaded[stage], weights[stage] = _load_network(stage, models_dir)
    return Stages(**loaded, weights=weights)


def extract(
    observations: Iterable[Observation],
    *,
    prior: SpectrumPrior,
    settings: RunSettings,
    models_dir: str | Path | None = None,
) -> list[Spectrum]:
    """Fit calibrated observations, with the learned stages that are on.

    Parameters
    ----------
    observations : iterable of Observation
        Taken one at a time and not kept: a sequence on disk need not fit in memory.
    prior : SpectrumPrior
    settings : RunSettings
    models_dir : path, optional
        As in `load_stages`.

    Returns
    -------
    list of Spectrum
        One per observation, in their order.

    Examples
    --------
    >>> import numpy as np
    >>> from ariel_kit.simulation import draw_planets, draw_spectra, simulate_observation
    >>> from ariel_kit.spectral_extraction import learn_prior
    >>> (planet,) = draw_planets(1, seed=3)
    >>> prior = learn_prior(draw_spectra(40, rng=np.random.default_rng(0)))
    >>> plain = RunSettings(stages=StageSettings.only())
    >>> (spectrum,) = extract(
    ...     [simulate_observation(planet, seed=0)], prior=prior, settings=plain
    ... )
    >>> {name: facts["status"] for name, facts in spectrum.provenance.items()}
    {'jitter': 'off', 'denoise': 'off', 'fit': 'complete', 'refine': 'off', 'uncertainty': 'off'}
    """
    import torch

    from ariel_kit.spectral_extraction import fit_light_curves
    from ariel_kit.spectral_extraction.fit import bin_planets

    # Compiling the kernels can change the number of torch's threads, and that the last bits: a
    # resumed run, which compiles nothing, has to fit with the same number.
    torch.set_num_threads(available_cores())
    stages, jitter = load_stages(settings.stages, models_dir), []

    def steady() -> Iterator[Observation]:
        for observation in observations:
            corrected = _steady(observation, stages.jitter)
            jitter.append(corrected.provenance["jitter"])
            yield corrected

    ids, curves, extraction = bin_planets(steady(), settings.extraction)
    spectra = fit_light_curves(
        ids, curves, prior=prior, settings=extraction, denoise=stages.denoise
    )
    pairs = zip(spectra, jitter, strict=True)
    spectra = [_with_first_steps(spectrum, facts, stages) for spectrum, facts in pairs]
    return _finished(spectra, curves, stages, settings.seed)


def _steady(observation: Observation, model: nn.Module | None) -> Observation:
    """The observation without what the telescope's motion did to its light curves."""
    if model is None:
        return observation.with_step("jitter", OFF)
    from ariel_kit.jitter_correction.stage import correct_jitter

    return correct_jitter(observation, model=model)


def _with_first_steps(spectrum: Spectrum, jitter: dict[str, Any], stages: Stages) -> Spectrum:
    """Note the stages before the fit; what the denoiser did is told by the fit."""
    steps = {"jitter": jitter, "denoise": OFF}
    if stages.denoise is not None:
        steps["denoise"] = {"status": "complete"} if _is_joint(spectrum) else NO_FIT
    return replace(spectrum, provenance={**steps, **spectrum.provenance})


def _finished(
    spectra: Sequence[Spectrum],
    curves: Sequence[Curves],
    stages: Stages,
    seed: int,
) -> list[Spectrum]:
    """Shapes by the refining network, and sigmas by the temperature."""
    from ariel_kit.spectral_extraction.stage import draw_refinements
    from ariel_kit.uncertainty import Temperature, honest_sigma

    notes = {
        "refine": OFF if stages.refine is None else NO_FIT,
        "uncertainty": OFF if stages.uncertainty is None else NO_FIT,
    }
    answers = [replace(s, provenance={**s.provenance, **notes}) for s in spectra]
    places = [place for place, spectrum in enumerate(spectra) if _is_joint(spectrum)]
    if not places or not (stages.refine or stages.uncertainty):
        return answers
    fitted, draws = [answers[place] for place in places], None
    if stages.refine is not None:
        draws = draw_refinements(
            fitted,
            [curves[place] for place in places],
            model=stages.refine,
            seed=seed,
        )
    honest = honest_sigma(fitted, draws, temperature=stages.uncertainty or Temperature())
    for place, spectrum in zip(places, honest, strict=True):
        provenance = dict(spectrum.provenance)
        scaling = provenance.pop("temperature")
        provenance["uncertainty"] = OFF if stages.uncertainty is None else scaling
        answers[place] = replace(spectrum, provenance=provenance)
    return answers


def _is_joint(spectrum: Spectrum) -> bool:
    """Whether there is a joint fit, the only one that networks and temperatures know."""
    return spectrum.provenance["fit"]["status"] == "complete" and spectrum.covariance is not None


def _load_network(stage: str, models_dir: str | Path | None) -> tuple[Any, str]:
    name = NETWORKS[stage]
    folder = find_weights(name, models_dir)
    if folder is None:
        raise WeightsError(_remedy(stage, f"weights of {name!r}"))
    model = create_model(name, weights=folder)
    if stage == "denoise":
        from ariel_kit.denoising.stage import make_denoiser

        return make_denoiser(model), load_card(folder).sha256
    return model, load_card(folder).sha256


def _load_temperature(refined: bool, models_dir: str | Path | None) -> tuple[Temperature, str]:
    from ariel_kit.uncertainty import Temperature, find_temperature

    path = find_temperature(refined=refined, models_dir=models_dir)
    if not path.is_file():
        raise WeightsError(_remedy("uncertainty", f"{path.parent.name}/{path.name}"))
    return Temperature.load(path), file_sha256(path)


def _remedy(stage: str, what: str) -> str:
    return (
        f"the stage {stage!r} needs {what}; there are none in the package or the folder of models. "
        f"Train it and name that folder with --models-dir, or set stages.{stage}=false."
    )
