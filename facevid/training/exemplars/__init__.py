"""What edits should make of faces: one smile, one beard, one pair of glasses, one colour of hair, the folds of age.

What an edit makes anew could look in many ways, and a network that must please all of them draws their mean, a blur.
Here it is the same for all, fitted to each face's landmarks: how it moves them, and how many times lighter it makes
what, so that a network can learn it.
"""

from collections.abc import Mapping

from facevid.training.exemplars.age import find_ages
from facevid.training.exemplars.beard import find_beards
from facevid.training.exemplars.glasses import find_glasses
from facevid.training.exemplars.hair import find_blond, find_gray
from facevid.training.exemplars.lipstick import find_lipsticks
from facevid.training.exemplars.male import find_men
from facevid.training.exemplars.mouth import find_open_mouths
from facevid.training.exemplars.prototype import Exemplars, FindExemplars, known_to_have
from facevid.training.exemplars.smile import find_smiles

FINDERS: Mapping[str, FindExemplars] = {
    "smile": find_smiles,
    "mouth-open": find_open_mouths,
    "glasses": find_glasses,
    "beard": find_beards,
    "lipstick": find_lipsticks,
    "age": find_ages,
    "male": find_men,
    "blond": find_blond,
    "gray-hair": find_gray,
}
"""By the editor's attribute."""

BY_DEGREES = frozenset({"age", "male"})
"""Attributes of which a face can always have more or less; others it has or lacks, and they are only put on."""

BOTH_WAYS = frozenset({"smile"})
"""Others that exemplars put on faces that lack them, and take from those that have them."""

__all__ = ["BOTH_WAYS", "BY_DEGREES", "FINDERS", "Exemplars", "known_to_have"]
