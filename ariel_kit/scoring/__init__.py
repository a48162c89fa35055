"""The challenge's exact score for both editions, and its breakdown."""

from ariel_kit.scoring.metric import Reference, log_likelihood_score
from ariel_kit.scoring.report import Breakdown, ScoreReport, format_scores, regions, score

__all__ = [
    "Breakdown",
    "Reference",
    "ScoreReport",
    "format_scores",
    "log_likelihood_score",
    "regions",
    "score",
]
