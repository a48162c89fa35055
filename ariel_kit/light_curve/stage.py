"""The one shape of a stage of the line, and the value that walks from stage to stage."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

from ariel_kit.core.config import RunSettings
from ariel_kit.core.errors import WeightsError
from ariel_kit.core.observation import Observation, Visit
from ariel_kit.core.spectrum import Draws, Spectrum
from ariel_kit.models import create_model, find_weights, load_card

if TYPE_CHECKING:
    from torch import nn

    from ariel_kit.light_curve.systematics import Denoiser

OFF = {"status": "off"}
"""What the provenance says of a stage that is switched off."""
NO_FIT = {"status": "skipped", "reason": "there is no joint fit of this planet"}
"""The same of a stage that works on joint fits, for a planet that has none."""


@dataclass(frozen=True)
class LineState:
    """What is known of the visits of a run at one place of the line.

    Attributes
    ----------
    observations : iterable of Observation
        Until the fit. Each is made when it is asked for, and not kept.
    prior : SpectrumPrior
        What spectra look like before any light is seen (`ariel_kit.spectral_extraction`).
    denoise : callable, optional
        A hook of the fit, set by the denoising stage.
    visits : sequence of Visit
        Binned light curves, from the fit on.
    fit : LightCurveFit, optional
        What can be concluded anew under another prior (`ariel_kit.spectral_extraction`), from the
        fit on.
    spectra : sequence of Spectrum
        One per visit, from the fit on.
    draws : sequence of Draws or None
        What the refining network says of each spectrum; empty where it is off.
    """

    observations: Iterable[Observation]
    prior: Any
    denoise: Denoiser | None = None
    visits: Sequence[Visit] = ()
    fit: Any = None
    spectra: Sequence[Spectrum] = ()
    draws: Sequence[Draws | None] = ()


class LoadedStage(Protocol):
    """A stage that is ready to be called on the state of the line.

    A stage notes under its name, in the provenance of each observation or spectrum, what it did
    or why it did not.

    Attributes
    ----------
    name : str
        Its name in the settings and in the provenance.
    weights : str, optional
        SHA-256 of its weights.
    """

    name: ClassVar[str]

    @property
    def weights(self) -> str | None:
        """SHA-256 of the weights; None for a stage without any."""

    def __call__(self, state: LineState) -> LineState:
        """Do the work of the stage."""


class Stage(LoadedStage, Protocol):
    """A stage of the line: loaded once a run, from settings and weights."""

    @classmethod
    def find_refusal(
        cls, settings: RunSettings, models_dir: str | Path | None, edition: int
    ) -> str | None:
        """Say why the stage must not run on data of an edition; None if it may.

        What the package ships may hold for other editions or revisions only; then the stage is off
        for this reason.

        Raises
        ------
        WeightsError
            If weights in `models_dir`, which a user asked for, must not be used.
        """

    @classmethod
    def load(cls, settings: RunSettings, models_dir: str | Path | None, device: str) -> Self | None:
        """Make the stage ready, or give None where the settings switch it off.

        Raises
        ------
        WeightsError
            If its weights are missing or damaged.
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
        Folder of own weights folders; those that it lacks come from the package.
    device : str
        As torch names it.

    Returns
    -------
    model : torch.nn.Module
    weights : str
        SHA-256 of its weights.

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
    """Say which weights a stage lacks, and what to do."""
    return (
        f"the stage {stage!r} needs {what}; there are none in the package or the folder of models. "
        f"Train it and name that folder with --models-dir, or set stages.{stage}=false."
    )
