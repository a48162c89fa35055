"""Binned light curves as the fit takes them."""

from __future__ import annotations

from collections.abc import Iterable

from ariel_kit.core.observation import Curves, Visit


def as_visits(
    planet_ids: Iterable[int], curves: Iterable[Curves], *, edition: int = 2024
) -> list[Visit]:
    """One visit per planet."""
    return [Visit(planet, edition, *pair) for planet, pair in zip(planet_ids, curves, strict=True)]
