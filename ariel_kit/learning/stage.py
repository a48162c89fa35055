"""The pipeline stage that applies corrections learned from labelled planets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from ariel_kit.learning.corrections import Corrections
from ariel_kit.light_curve.stage import LineState


@dataclass(frozen=True)
class LearnedStage:
    """Correct the scale and sigma of every spectrum; the last stage of the pipeline.

    Attributes
    ----------
    corrections : Corrections
        Learned corrections.
    """

    name: ClassVar = "learned"
    weights: ClassVar = None
    corrections: Corrections

    def __call__(self, state: LineState) -> LineState:
        """Apply the corrections to every spectrum."""
        return replace(state, spectra=[self.corrections.apply(s) for s in state.spectra])
