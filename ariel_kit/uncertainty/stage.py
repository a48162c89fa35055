"""The uncertainty stage: combination of fit and network, and scaling of sigma."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from ariel_kit.core.cache import file_sha256
from ariel_kit.core.config import RunSettings, UncertaintySettings
from ariel_kit.core.errors import ShapeError, WeightsError
from ariel_kit.core.spectrum import Draws, Spectrum
from ariel_kit.light_curve.stage import NO_FIT, LineState, missing_weights
from ariel_kit.models.weights import refuse_own
from ariel_kit.uncertainty.combine import blend
from ariel_kit.uncertainty.mc_dropout import combine_draws
from ariel_kit.uncertainty.smoothness import smooth
from ariel_kit.uncertainty.temperature import Temperature, find_temperature


@dataclass(frozen=True)
class UncertaintyStage:
    """Combine fitted spectra with the network's draws, and scale sigma if it is switched on.

    Attributes
    ----------
    settings : UncertaintySettings
    temperature : Temperature, optional
        Temperature of the pipeline that is run; None if sigma is not scaled.
    weights : str, optional
        SHA-256 of the temperature's file; None if sigma is not scaled.
    """

    name: ClassVar = "uncertainty"
    settings: UncertaintySettings
    temperature: Temperature | None
    weights: str | None

    @classmethod
    def find_refusal(
        cls, settings: RunSettings, models_dir: str | Path | None, edition: int
    ) -> str | None:
        """See `ariel_kit.light_curve.stage.Stage`."""
        path = find_temperature(refined=settings.stages.refine, models_dir=models_dir)
        reason = Temperature.load(path).objection(edition) if path.is_file() else None
        refuse_own(path, reason)
        return reason

    @classmethod
    def load(
        cls, settings: RunSettings, models_dir: str | Path | None, device: str
    ) -> UncertaintyStage:
        """See `ariel_kit.light_curve.stage.Stage`."""
        if not settings.stages.uncertainty:
            return cls(settings.uncertainty, None, None)
        path = find_temperature(refined=settings.stages.refine, models_dir=models_dir)
        if not path.is_file():
            raise WeightsError(missing_weights(cls.name, f"{path.parent.name}/{path.name}"))
        return cls(settings.uncertainty, Temperature.load(path), file_sha256(path))

    def __call__(self, state: LineState) -> LineState:
        """Compute the final spectrum of every planet with a joint fit."""
        draws = state.draws or [None] * len(state.spectra)
        spectra = honest_sigma(
            state.spectra, draws, settings=self.settings, temperature=self.temperature
        )
        return replace(state, spectra=spectra, draws=())


def honest_sigma(
    spectra: Sequence[Spectrum],
    draws: Sequence[Draws | None],
    *,
    settings: UncertaintySettings | None = None,
    temperature: Temperature | None = None,
) -> list[Spectrum]:
    """Blend fitted spectra with the network's draws, smooth them, and scale sigma.

    Parameters
    ----------
    spectra : sequence of Spectrum
        Spectra from the joint fit.
    draws : sequence of Draws or None
        Draws of the refining network for each spectrum; None where there are none.
    settings : UncertaintySettings, optional
        Settings of the smoothing; by default spectra are not smoothed.
    temperature : Temperature, optional
        Temperature of the pipeline that is run, with or without the network; by default sigma is
        not scaled.

    Returns
    -------
    list of Spectrum
        Final spectra. A planet that was not fitted keeps the spectrum and sigma of the population.

    Raises
    ------
    ShapeError
        If draws and spectra differ in number.
    """
    if len(draws) != len(spectra):
        raise ShapeError(
            f"there must be as many draws as spectra; got {len(draws)} and {len(spectra)}."
        )
    settings = settings or UncertaintySettings()
    return [
        _honest(spectrum, drawn, settings, temperature)
        for spectrum, drawn in zip(spectra, draws, strict=True)
    ]


def _honest(
    spectrum: Spectrum,
    drawn: Draws | None,
    settings: UncertaintySettings,
    temperature: Temperature | None,
) -> Spectrum:
    if spectrum.fit is None or spectrum.covariance is None:
        return spectrum if temperature is None else spectrum.with_step("uncertainty", NO_FIT)
    if drawn is not None:
        spectrum = blend(spectrum, combine_draws(spectrum, drawn.means, drawn.variances))
    if settings.smooth_amplitude > 0:
        spectrum = smooth(
            spectrum, length=settings.smooth_length, amplitude=settings.smooth_amplitude
        )
    return spectrum if temperature is None else temperature.apply(spectrum)
