"""Denoising: correction of the fitted drift by a network that reads maps of the residuals.

Import the stage from `ariel_kit.denoising.stage`. The networks need only torch and timm.
"""
