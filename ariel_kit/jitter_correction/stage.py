"""The jitter stage: decorrelation of the flux from the motion of the image.

The flux of each wavelength depends on five moments of the shift, the terms of the expansion of the
image to second order. The moments are measured (FGS1) or predicted by TCN-JNet (AIRS). The response
of the flux to them is fitted to the data of the same visit, at high frequency only, where there is
neither transit nor drift. A wrong prediction therefore does no harm: if the flux does not correlate
with it, nothing is subtracted.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from scipy.fft import dct, idct
from torch import nn

from ariel_kit.core.cache import Mapped
from ariel_kit.core.config import RunSettings
from ariel_kit.core.errors import FitError
from ariel_kit.core.instruments import AIRS, FGS1
from ariel_kit.core.observation import Observation
from ariel_kit.jitter_correction.bridging import bridge, put_back
from ariel_kit.jitter_correction.pointing import (
    FRAMES,
    MOMENTS,
    Motion,
    high_pass,
    motion_channels,
    second_order,
)
from ariel_kit.light_curve.stage import LineState, load_network
from ariel_kit.models import create_model
from ariel_kit.models.weights import find_refusal
from ariel_kit.preprocessing.normalize import robust_sigma, white_noise

FIT_SECONDS = 60.0
"""Length, in seconds, of the running mean that is subtracted before responses are fitted."""
SLOW_SECONDS = 1200.0
"""Period, in seconds, above which waves of a motion that exceed its faster part are removed."""
TRUST = 4.0
"""Sigmas by which such a wave may exceed the faster part, and that a response must reach."""
MIN_NEW = 1e-6
"""Least share of a mode's power that previous modes do not contain, for the mode to be used."""
MIN_PAIRS = 64
"""Least number of AIRS pairs of a visit that is corrected."""
WIDENED = 1.5
"""Ratio of the stated noise to the scatter of the light curve above which it is kept as wide."""


class Prediction(NamedTuple):
    """Predicted motion of each AIRS exposure.

    Attributes
    ----------
    mean, sigma : ndarray [shape=(time, 5), dtype=float64, unit=pixel]
        Means of dy, dx, dy^2, dy dx, dx^2 over the exposure, and their standard deviations, in FGS1
        pixels.
    """

    mean: np.ndarray
    sigma: np.ndarray


log = logging.getLogger(__name__)

BINNED = "binned light curves show no jitter"
"""Reason for which a visit without native cadence is skipped."""
_Correction = tuple[dict[str, Any], dict[str, Any]]
"""Changed fields of the observation, and facts for its provenance."""


@dataclass(frozen=True)
class JitterStage:
    """Correct every observation for the telescope's motion.

    Attributes
    ----------
    model : torch.nn.Module
        A ``tcn_jnet``.
    weights : str
        SHA-256 of its weights.
    """

    name: ClassVar = "jitter"
    model: nn.Module
    weights: str

    @classmethod
    def find_refusal(
        cls, settings: RunSettings, models_dir: str | Path | None, edition: int
    ) -> str | None:
        """See `ariel_kit.light_curve.stage.Stage`."""
        return find_refusal("tcn_jnet", models_dir, edition=edition)

    @classmethod
    def load(
        cls, settings: RunSettings, models_dir: str | Path | None, device: str
    ) -> JitterStage | None:
        """See `ariel_kit.light_curve.stage.Stage`."""
        if not settings.stages.jitter:
            return None
        return cls(*load_network(cls.name, "tcn_jnet", models_dir, device))

    def __call__(self, state: LineState) -> LineState:
        """Correct each observation when and where the fit loads it."""
        correct = partial(correct_jitter, model=self.model)
        return replace(state, observations=Mapped(correct, state.observations))


def correct_jitter(observation: Observation, *, model: nn.Module | None = None) -> Observation:
    """Remove the flux variations that correlate with the telescope's motion.

    An instrument that cannot be corrected remains unchanged; the reason is recorded in
    ``provenance["jitter"]`` and logged. Binned light curves remain unchanged, too, because jitter
    averages out in them.

    Parameters
    ----------
    observation : Observation
        Visit at native cadence.
    model : nn.Module, optional
        A ``tcn_jnet``; by default that of the package.

    Returns
    -------
    Observation
        Observation with corrected `airs` and `fgs1`, and their new noise.
    """
    if len(observation.fgs1) == len(observation.airs):
        return observation.with_step("jitter", {"status": "skipped", "reason": BINNED})
    facts: dict[str, Any] = {}
    changes: dict[str, Any] = {}
    steady = bridge(observation)
    corrections: dict[str, Callable[[], _Correction]] = {
        AIRS.name: lambda: _correct_airs(steady, model),
        FGS1.name: lambda: _correct_fgs1(steady),
    }
    for instrument, correct in corrections.items():
        try:
            changed, facts[instrument] = correct()
            changes |= changed
        except FitError as error:
            facts[instrument] = {"status": "skipped", "reason": str(error)}
            log.warning(
                "planet %d: the jitter of %s is not corrected; %s",
                *(observation.planet_id, instrument, error),
            )
    changes |= put_back(changes, observation, steady)
    return observation.with_step("jitter", facts, **changes)


def predict_motion(observation: Observation, *, model: nn.Module | None = None) -> Prediction:
    """Predict the telescope's motion during each AIRS exposure by TCN-JNet.

    Parameters
    ----------
    observation : Observation
        Visit at native cadence, with 12 FGS1 frames for each AIRS exposure.
    model : nn.Module, optional
        A ``tcn_jnet``; by default that of the package.

    Returns
    -------
    Prediction
    """
    model = model or create_model("tcn_jnet", weights="default")
    motion = _channels(observation)
    channels = torch.as_tensor(motion.channels, device=next(model.parameters()).device)
    with torch.no_grad():
        answer = {name: value[0].double().cpu() for name, value in model(channels[None]).items()}
    mean = answer["mean"].numpy() * motion.unit
    sigma = torch.exp(0.5 * answer["log_variance"]).numpy() * motion.unit
    return Prediction(mean, sigma)


def _channels(observation: Observation) -> Motion:
    return motion_channels(
        observation.pointing,
        observation.fgs1,
        observation.row_moments,
        observation.pointing_noise,
    )


def _correct_airs(observation: Observation, model: nn.Module | None) -> _Correction:
    n, frames = len(observation.airs), len(observation.fgs1)
    _check(observation, n, MIN_PAIRS)
    if frames != FRAMES * n:
        raise FitError(
            f"{n} exposures of AIRS need {FRAMES * n} frames of FGS1; got {frames}. "
            "Check that both files are complete."
        )
    motion = predict_motion(observation, model=model)
    if not np.isfinite(motion.mean).all():
        raise FitError("the output of the network must be finite; got NaN. Load other weights.")
    flux, followed = decorrelate(observation.airs, motion.mean, seconds=AIRS.cadence)
    noise = _noise_after(flux.T, observation.airs.T, observation.airs_noise).astype(np.float32)
    sigma = dict(zip(MOMENTS, np.median(motion.sigma, axis=0).tolist(), strict=True))
    facts = {**_facts(followed, noise, observation.airs_noise), "pointing_sigma": sigma}
    return {"airs": flux, "airs_noise": noise}, facts


def _correct_fgs1(observation: Observation) -> _Correction:
    _check(observation, len(observation.fgs1), MIN_PAIRS * FRAMES)
    modes = second_order(observation.pointing.astype(np.float64))
    flux, followed = decorrelate(observation.fgs1[:, None], modes, seconds=FGS1.cadence)
    before = np.array(observation.fgs1_noise)
    noise = float(_noise_after(flux[:, 0], observation.fgs1, before))
    facts = _facts(followed, np.array(noise), before)
    return {"fgs1": flux[:, 0], "fgs1_noise": noise}, facts


def _noise_after(flux: np.ndarray, given: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Measure the noise that is left; where the calibration had widened it, it stays as wide.

    Parameters
    ----------
    flux, given : ndarray [shape=(..., time), unit=electron]
        Light curves after and before the correction.
    noise : ndarray [shape=(...), unit=electron]
        One sigma before; infinite where a wavelength holds no data.
    """
    wider = noise / np.maximum(white_noise(given), 1e-30)
    return white_noise(flux) * np.where(wider > WIDENED, wider, 1.0)


def _facts(followed: list[str], noise: np.ndarray, before: np.ndarray) -> dict[str, Any]:
    known = np.isfinite(before)
    ratio = float(np.median(noise[known] / np.maximum(before[known], 1e-30)))
    return {"status": "complete", "modes": followed, "noise_ratio": ratio}


def _check(observation: Observation, n: int, least: int) -> None:
    if n < least:
        raise FitError(
            f"the response to motion needs at least {least} exposures; got {n}. "
            "Switch the stage off for visits this short."
        )
    if not np.isfinite(observation.pointing).all():
        raise FitError("the pointing must be finite; got NaN. Check the frames of FGS1.")


def decorrelate(
    flux: np.ndarray, modes: np.ndarray, *, seconds: float
) -> tuple[np.ndarray, list[str]]:
    """Divide light curves by their fitted response to five modes of the motion.

    Parameters
    ----------
    flux : ndarray [shape=(time, wavelength), unit=electron]
        Light curves at native cadence.
    modes : ndarray [shape=(time, 5)]
        Moments of the shift, on any scale, since the responses are fitted.
    seconds : float
        Cadence.

    Returns
    -------
    flux : ndarray [shape=(time, wavelength), dtype=float32, unit=electron]
        Corrected light curves.
    followed : list of str
        Names of the modes that the flux of any wavelength responds to.
    """
    window = round(FIT_SECONDS / seconds)
    light = flux.astype(np.float64)
    ripple = high_pass(light, window)
    relative = ripple / (light - ripple)
    fast = high_pass(modes, window)
    turn = _orthonormal(fast)
    response = (fast @ turn).T @ relative
    power = np.einsum("tw,tw->w", relative, relative) - np.sum(response**2, axis=0)
    trusted = trusted_response(response, np.sqrt(np.maximum(power, 0) / len(light)) + 1e-30)
    jitter = without_slow_excess(modes, seconds=seconds) @ (turn @ trusted)
    followed = [name for name, row in zip(MOMENTS, trusted, strict=True) if row.any()]
    return (light / (1 + jitter)).astype(np.float32), followed


def _orthonormal(modes: np.ndarray) -> np.ndarray:
    """Compute the matrix that orthonormalises the modes in their order (Gram-Schmidt).

    A mode that is constant, or a linear combination of previous modes, becomes zero.
    """
    gram = modes.T @ modes
    turn = np.zeros_like(gram)
    for k, unit in enumerate(np.eye(len(gram))):
        rest = unit - turn @ (turn.T @ gram[:, k])
        power = rest @ gram @ rest
        if power > MIN_NEW * gram[k, k]:
            turn[:, k] = rest / np.sqrt(power)
    return turn


def trusted_response(response: np.ndarray, error: np.ndarray) -> np.ndarray:
    """Shrink responses according to their errors.

    The estimator is that of James and Stein (1961), for each mode: responses shrink towards their
    mean over wavelengths, by the share of their variance that is noise. A mean or a variance that
    noise alone explains, within `TRUST` sigmas, is set to zero.

    Parameters
    ----------
    response : ndarray [shape=(mode, wavelength)]
        Fitted responses of the flux to each mode.
    error : ndarray [shape=(wavelength,)]
        Their standard deviations, the same for all modes.

    Returns
    -------
    ndarray [shape=(mode, wavelength)]
    """
    weight = error**-2.0
    mean = response @ weight / weight.sum()
    common = np.where(np.abs(mean) > TRUST / np.sqrt(weight.sum()), mean, 0.0)[:, None]
    deviation = response - common
    power = np.mean((deviation / error) ** 2, axis=1, keepdims=True)
    chance = TRUST * np.sqrt(2 / response.shape[1])
    share = 1 - 1 / np.maximum(power, 1.0)
    return common + deviation * np.where(power > 1 + chance, share, 0.0)


def without_slow_excess(modes: np.ndarray, *, seconds: float) -> np.ndarray:
    """Remove slow waves from modes that are stronger than their fast part suggests.

    The power of jitter is the same at the time scale of a transit as at shorter ones. A stronger
    slow wave may be a transit or a drift, which must be left to the fit of the spectrum.

    Parameters
    ----------
    modes : ndarray [shape=(time, mode)]
        Moments of the shift.
    seconds : float
        Cadence of the modes.

    Returns
    -------
    ndarray [shape=(time, mode), dtype=float64]
    """
    waves = dct(modes, axis=0, norm="ortho")
    n_slow = 1 + int(2 * len(modes) * seconds / SLOW_SECONDS)  # wave k has k half periods
    level = robust_sigma(waves[n_slow:])
    waves[:n_slow] *= np.abs(waves[:n_slow]) <= TRUST * level
    waves[0] = 0
    return np.asarray(idct(waves, axis=0, norm="ortho"))
