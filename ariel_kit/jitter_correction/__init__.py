"""Jitter correction: measure and remove the effect of the telescope's motion on light curves.

`pointing` converts measured motion to the network's input, `tcn_jnet` is the network, and `stage`
holds the stage itself, `stage.correct_jitter`.
"""
