"""Light curves to spectra: white light, drift, joint fit, prior, one honest sigma."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch

from ariel_kit.config import ExtractionSettings
from ariel_kit.drift import DriftLikelihood, DriftMixture, default_drift
from ariel_kit.errors import FitError, ShapeError
from ariel_kit.instruments import wavelengths
from ariel_kit.observation import LightCurves, Observation, Spectrum
from ariel_kit.spectral_extraction.joint_fit import DepthLikelihood, JointFit
from ariel_kit.spectral_extraction.priors import SpectrumPrior, refine_prior
from ariel_kit.white_light import WhiteLight, drift_likelihood_at, fit_white_light

log = logging.getLogger(__name__)

BATCH = 32
LINEARISATIONS = 2
EM_ROUNDS = 2
LABEL_STRENGTH = 30.0
"""Planets' worth of belief in the labels' shapes when both sources are used."""
WHITE_SCATTER = 60e-6
"""Typical spread of a spectrum about its white depth: the sigma of the flat baseline."""

Curves = tuple[LightCurves, LightCurves]
"""AIRS and FGS1 of one planet."""
