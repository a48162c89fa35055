"""Evaluate answers: cross-validation, ablation, comparison, and blends.

A fold is predicted with a prior from the other folds. By default folds share no star; on simulated
data they can instead be kept free of shared molecules.
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
