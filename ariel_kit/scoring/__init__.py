"""The challenge's score, both editions, exactly, and what stands behind the one number."""

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
