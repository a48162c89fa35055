"""Improve the drift model with a network that reads maps of depth-free residuals.

Import the stage from `ariel_kit.denoising.stage`. The networks can be imported where only torch and
timm are installed.
"""
