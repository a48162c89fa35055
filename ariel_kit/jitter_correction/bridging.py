"""Interpolation over failed frames, which would distort the fitted responses to motion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ariel_kit.core.observation import Observation
from ariel_kit.core.strays import bridge_failures, failed_frames


def bridge(observation: Observation) -> Observation:
    """Interpolate light curves and motion over frames without light.

    Parameters
    ----------
    observation : Observation
        Visit at native cadence.

    Returns
    -------
    Observation
        Interpolated visit; arrays without failed frames are the given ones.
    """
    airs, fgs1 = observation.airs, observation.fgs1[:, None]
    return replace(
        observation,
        airs=bridge_failures(airs),
        fgs1=bridge_failures(fgs1)[:, 0],
        row_moments=_bridge_motion(observation.row_moments, failed_frames(airs)),
        pointing=_bridge_motion(observation.pointing, failed_frames(fgs1)),
    )


def put_back(
    corrected: Mapping[str, object], given: Observation, bridged: Observation
) -> dict[str, np.ndarray]:
    """Restore the original samples where `bridge` interpolated, so that binning leaves them out.

    Parameters
    ----------
    corrected : mapping
        Corrected fields of an observation; only `airs` and `fgs1` are used.
    given, bridged : Observation
        Observation before and after `bridge`.

    Returns
    -------
    dict of str to ndarray [shape=(time, ...), dtype=float32, unit=electron]
        The fields `airs` and `fgs1`, if they were corrected.
    """
    light = {"airs": (given.airs, bridged.airs), "fgs1": (given.fgs1, bridged.fgs1)}
    return {
        name: np.where(after == before, np.asarray(corrected[name]), before)
        for name, (before, after) in light.items()
        if name in corrected
    }


def _bridge_motion(motion: np.ndarray, failed: np.ndarray) -> np.ndarray:
    """Interpolate motion over frames without light [shape=(time, moment)]."""
    if not failed.any() or failed.all():
        return motion
    motion, time = motion.copy(), np.arange(len(motion))
    for column in motion.T:
        column[failed] = np.interp(time[failed], time[~failed], column[~failed])
    return motion
