"""The protocol of a stage of the pipeline, and the state that is passed from stage to stage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

from ariel_kit.core.config import RunSettings
from ariel_kit.core.errors import WeightsError
from ariel_kit.core.observation import Observation, Visit
from ariel_kit.core.passes import IN_MEMORY, Passes
from ariel_kit.core.spectrum import Draws, Spectrum
from ariel_kit.models import create_model, find_weights, load_card

if TYPE_CHECKING:
    from torch import nn

    from ariel_kit.light_curve.systematics import Denoiser

OFF = {"status": "off"}
"""Provenance entry of a stage that is switched off."""
NO_FIT = {"status": "skipped", "reason": "there is no joint fit of this planet"}
"""Provenance entry of a stage that needs a joint fit, for a planet that has none."""


@dataclass(frozen=True)
class LineState:
    """Data of the visits of a run between two stages.

    Attributes
    ----------
    observations : sequence of Observation
        Calibrated visits, until the fit. Each is loaded when it is read, and not kept.
    prior : SpectrumPrior
        Prior distribution of the spectra (`ariel_kit.spectral_extraction`).
    denoise : callable, optional
        Function that the fit calls to correct its drift, set by the denoising stage.
    passes : Passes
        Processes that the fit runs in.
    taught : LearnedPriors, optional
        Drifts, windows and shapes learned from other planets of the run
        (`ariel_kit.spectral_extraction`).
    fit : LightCurveFit, optional
        Linearised fit, from which spectra can be computed under any prior
        (`ariel_kit.spectral_extraction`), from the fit on.
    visits : sequence of Visit
        Binned light curves of one batch, after the fit.
    spectra : sequence of Spectrum
        One spectrum for each of these visits.
    draws : sequence of Draws or None
        Predictions of the refining network for each spectrum; empty where it is off.
    """

    observations: Sequence[Observation]
    prior: Any
    denoise: Denoiser | None = None
    passes: Passes = IN_MEMORY
    taught: Any = None
    fit: Any = None
    visits: Sequence[Visit] = ()
    spectra: Sequence[Spectrum] = ()
    draws: Sequence[Draws | None] = ()


class LoadedStage(Protocol):
    """A stage that is ready to be called on the state of the pipeline.

    A stage records under its name, in the provenance of each observation or spectrum, what it did
    or why it was skipped.

    Attributes
    ----------
    name : str
        Name of the stage in the settings and in the provenance.
    weights : str, optional
        SHA-256 of the stage's weights.
    """

    name: ClassVar[str]

    @property
    def weights(self) -> str | None:
        """SHA-256 of the weights; None for a stage without any."""

    def __call__(self, state: LineState) -> LineState:
        """Apply the stage and return the new state."""


class Stage(LoadedStage, Protocol):
    """A stage of the pipeline, loaded once per run from settings and weights."""

    @classmethod
    def find_refusal(
        cls, settings: RunSettings, models_dir: str | Path | None, edition: int
    ) -> str | None:
        """Describe why the stage must not run on data of an edition; None if it may.

        The weights in the package may have been trained for other editions or revisions only. The
        stage is then switched off, and the text returned here is recorded as the reason.

        Raises
        ------
        WeightsError
            If weights in `models_dir`, which a user asked for, must not be used.
        """

    @classmethod
    def load(cls, settings: RunSettings, models_dir: str | Path | None, device: str) -> Self | None:
        """Load the stage; None where the settings switch it off.

        Raises
        ------
        WeightsError
            If the weights of the stage are missing or damaged.
        """


def load_network(
    stage: str, network: str, models_dir: str | Path | None, device: str
) -> tuple[nn.Module, str]:
    """Load the network of a stage.

    Parameters
    ----------
    stage, network : str
        Names of the stage and of its network.
    models_dir : path, optional
        Folder with one folder of weights per network; where it lacks one, the package's is used.
    device : str
        Device of torch, for example ``"cpu"``.

    Returns
    -------
    model : torch.nn.Module
    weights : str
        SHA-256 of the weights.

    Raises
    ------
    WeightsError
        If the weights are missing, damaged, or of another network.
    """
    folder = find_weights(network, models_dir)
    if folder is None:
        raise WeightsError(missing_weights(stage, f"weights of {network!r}"))
    model = create_model(network, weights=folder, device=device)
    return model, load_card(folder).sha256


def missing_weights(stage: str, what: str) -> str:
    """Format the message about the missing weights of a stage."""
    return (
        f"the stage {stage!r} needs {what}; neither the package nor --models-dir has them. Train "
        f"the network and give its folder with --models-dir, or set stages.{stage}=false."
    )
