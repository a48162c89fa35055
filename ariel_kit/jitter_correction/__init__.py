"""Jitter correction: what the telescope's motion did to the light curves, found and taken out.

`pointing` turns measured motion into what a network reads, `tcn_jnet` is that network, and
`correct` holds the stage itself, `correct.correct_jitter`.
"""
