"""What a run learns from labelled planets, out of fold: scale of depth, sigma, prior.

The light curves of the labelled planets are fitted once, without any label, and concluded under
priors that exclude a planet's own. What the corrections are worth is told by folds whose own
corrections come from the others alone.
"""

from ariel_kit.learning.corrections import Corrections
from ariel_kit.learning.folder import learn_folder
from ariel_kit.learning.learned import Learned

__all__ = ["Corrections", "Learned", "learn_folder"]
