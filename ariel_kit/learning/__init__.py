"""Corrections of spectra that are learned from labelled planets: scale of depth, sigma, prior.

The light curves of the labelled planets are fitted once, without any label. The spectrum of each
planet is then computed under a prior learned from planets of the other folds, so that the learned
corrections see the errors of new planets. Cross-validation measures the gain of the corrections:
those that are applied to a fold are learned from the other folds alone.
"""

from ariel_kit.learning.corrections import Corrections
from ariel_kit.learning.folder import learn_folder
from ariel_kit.learning.learned import Learned

__all__ = ["Corrections", "Learned", "learn_folder"]
