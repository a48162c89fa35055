"""The stage that a run makes for itself: what labelled planets taught, put to use."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from ariel_kit.learning.corrections import Corrections
from ariel_kit.light_curve.stage import LineState


@dataclass(frozen=True)
class LearnedStage:
    """Correct scale and sigma of every spectrum, last of all stages.

    Attributes
    ----------
    corrections : Corrections
    """

    name: ClassVar = "learned"
    weights: ClassVar = None
    corrections: Corrections

    def __call__(self, state: LineState) -> LineState:
        """Correct every spectrum that was measured."""
        return replace(state, spectra=[self.corrections.apply(s) for s in state.spectra])
