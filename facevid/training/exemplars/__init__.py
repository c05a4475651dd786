"""What some faces have, for others that an edit should give it: not the mean of all that might be, but one of few.

What an edit makes anew could look in many ways, and a network that must please all of them draws their mean, a blur.
Here a few faces that have it clearly are exemplars: how their light compares with what it would be without is what the
edit does to the light of another face. Which exemplar depends on the face alone, so that a network can learn it. Of
age, which every face has more or less of, the mean over many faces tells enough.
"""

from collections.abc import Mapping

from facevid.training.exemplars.age import find_ages
from facevid.training.exemplars.beard import find_beards
from facevid.training.exemplars.exemplar import Exemplars, FindExemplars, known_to_have, mean_light
from facevid.training.exemplars.glasses import find_glasses
from facevid.training.exemplars.lipstick import find_lipsticks

FINDERS: Mapping[str, FindExemplars] = {
    "glasses": find_glasses,
    "beard": find_beards,
    "lipstick": find_lipsticks,
    "age": find_ages,
}
"""By the editor's attribute."""

BY_DEGREES = frozenset({"age"})
"""Attributes of which a face can always have more or less; others it has or lacks, and they are only put on."""

__all__ = ["BY_DEGREES", "FINDERS", "Exemplars", "known_to_have", "mean_light"]
