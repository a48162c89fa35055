"""Cross-validation: every labelled planet predicted by a line that never saw its label.

Planets of a fold share nothing with what their prior was learned from: by default no star, on
simulated data no molecule if so asked.
"""

from ariel_kit.evaluation.cross_validation import CrossValidation, cross_validate
from ariel_kit.evaluation.folds import make_folds, read_molecules
from ariel_kit.learning.folds import Fold

__all__ = ["CrossValidation", "Fold", "cross_validate", "make_folds", "read_molecules"]
