"""Measure the time and the memory of each stage, beside plain ways to do the same."""

from ariel_kit.bench.growth import Growth, measure_growth
from ariel_kit.bench.stages import StageCost, StageCosts, measure_stages

__all__ = ["Growth", "StageCost", "StageCosts", "measure_growth", "measure_stages"]
