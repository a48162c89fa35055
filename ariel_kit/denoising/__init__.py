"""What the drift model leaves over: blind light to a better drift, by a network that sees maps.

Import the stage from `ariel_kit.denoising.stage`; the networks load where only torch and timm are.
"""
