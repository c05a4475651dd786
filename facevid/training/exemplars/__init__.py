"""What some faces have, for others that an edit should give it: not the mean of all that might be, but one of few.

What an edit makes anew could look in many ways, and a network that must please all of them draws their mean, a blur.
Here a few faces that have it clearly are exemplars: how their light compares with what it would be without is what the
edit does to the light of another face. Which exemplar depends on the face alone, so that a network can learn it.
"""

from collections.abc import Mapping

from facevid.training.exemplars.beard import find_beards
from facevid.training.exemplars.exemplar import Exemplars, FindExemplars, known_to_have, mean_light
from facevid.training.exemplars.glasses import find_glasses
from facevid.training.exemplars.lipstick import find_lipsticks

FINDERS: Mapping[str, FindExemplars] = {"glasses": find_glasses, "beard": find_beards, "lipstick": find_lipsticks}
"""By the editor's attribute."""

__all__ = ["FINDERS", "Exemplars", "known_to_have", "mean_light"]
