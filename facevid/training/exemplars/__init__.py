"""What edits should make of faces: one pair of glasses, one beard, one colour of lips, the folds of age.

What an edit makes anew could look in many ways, and a network that must please all of them draws their mean, a blur.
Here it is the same for all, fitted to each face's landmarks: how many times lighter it makes them, so that a network
can learn it.
"""

from collections.abc import Mapping

from facevid.training.exemplars.age import find_ages
from facevid.training.exemplars.beard import find_beards
from facevid.training.exemplars.glasses import find_glasses
from facevid.training.exemplars.lipstick import find_lipsticks
from facevid.training.exemplars.prototype import Exemplars, FindExemplars, known_to_have

FINDERS: Mapping[str, FindExemplars] = {
    "glasses": find_glasses,
    "beard": find_beards,
    "lipstick": find_lipsticks,
    "age": find_ages,
}
"""By the editor's attribute."""

BY_DEGREES = frozenset({"age"})
"""Attributes of which a face can always have more or less; others it has or lacks, and they are only put on."""

__all__ = ["BY_DEGREES", "FINDERS", "Exemplars", "known_to_have"]
