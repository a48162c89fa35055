"""The uncertainty stage: combine the fit with the network and scale sigma."""

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
    """Combine fit and network, and scale sigma where the settings ask for it.

    Attributes
    ----------
    settings : UncertaintySettings
    temperature : Temperature, optional
        The temperature of the line as it is run; None leaves sigma as it is.
    weights : str, optional
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
        """Give an honest sigma to every planet with a joint fit."""
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
    """Blend fits with their refinements, smooth them, and scale sigma to the size of actual errors.

    Parameters
    ----------
    spectra : sequence of Spectrum
        From the joint fit.
    draws : sequence of Draws or None
        One per spectrum; None where there is nothing to refine.
    settings : UncertaintySettings, optional
        Settings of the smooth prior; spectra are not smoothed when left out.
    temperature : Temperature, optional
        The temperature of the line as it is run, with or without the network; sigma is not scaled
        when left out.

    Returns
    -------
    list of Spectrum
        A planet that was not fitted keeps the population's spectrum and sigma.

    Raises
    ------
    ShapeError
        If draws and spectra do not pair up.
    """
    if len(draws) != len(spectra):
        raise ShapeError(f"draws and spectra must pair up; got {len(draws)} and {len(spectra)}.")
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
