"""What answers are worth: cross-validation, ablation, comparison, and blends of several.

Planets of a fold share nothing with what their prior was learned from: by default no star, on
simulated data no molecule if so asked.
"""

from ariel_kit.evaluation.blend import Blend, blend_submissions, fit_blend
from ariel_kit.evaluation.compare import Comparison, compare_answers
from ariel_kit.evaluation.cross_validation import CrossValidation, cross_validate
from ariel_kit.evaluation.folds import make_folds, read_molecules
from ariel_kit.learning.folds import Fold

__all__ = [
    "Blend",
    "Comparison",
    "CrossValidation",
    "Fold",
    "blend_submissions",
    "compare_answers",
    "cross_validate",
    "fit_blend",
    "make_folds",
    "read_molecules",
]
