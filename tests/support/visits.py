"""Binned light curves as the fit takes them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from ariel_kit.core.observation import Curves, LightCurves, Visit


def as_visits(
    planet_ids: Iterable[int], curves: Iterable[Curves], *, edition: int = 2024
) -> list[Visit]:
    """One visit per planet."""
    return [Visit(planet, edition, *pair) for planet, pair in zip(planet_ids, curves, strict=True)]


def scaled(curves: LightCurves, factor: np.ndarray | float) -> LightCurves:
    """Light curves in another unit."""
    return replace(curves, flux=curves.flux * factor, noise=curves.noise * factor)
