"""Jitter correction: removal of the effect of the telescope's motion on the light curves.

`pointing` converts the measured motion into the input of a network, `tcn_jnet` is that network, and
`stage` contains the stage of the pipeline and `stage.correct_jitter`.
"""
