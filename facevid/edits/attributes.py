"""Attribute names: CelebA's forty, an everyday name for each, and the syntax `METHOD:NAME`."""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from facevid.appearance.attribute_regions import Region
from facevid.errors import UsageError

CELEBA = (
    "5_o_Clock_Shadow",
    "Arched_Eyebrows",
    "Attractive",
    "Bags_Under_Eyes",
    "Bald",
    "Bangs",
    "Big_Lips",
    "Big_Nose",
    "Black_Hair",
    "Blond_Hair",
    "Blurry",
    "Brown_Hair",
    "Bushy_Eyebrows",
    "Chubby",
    "Double_Chin",
    "Eyeglasses",
    "Goatee",
    "Gray_Hair",
    "Heavy_Makeup",
    "High_Cheekbones",
    "Male",
    "Mouth_Slightly_Open",
    "Mustache",
    "Narrow_Eyes",
    "No_Beard",
    "Oval_Face",
    "Pale_Skin",
    "Pointy_Nose",
    "Receding_Hairline",
    "Rosy_Cheeks",
    "Sideburns",
    "Smiling",
    "Straight_Hair",
    "Wavy_Hair",
    "Wearing_Earrings",
    "Wearing_Hat",
    "Wearing_Lipstick",
    "Wearing_Necklace",
    "Wearing_Necktie",
    "Young",
)
"""The 40 attributes of CelebA (Liu et al., ICCV 2015) in its order, which is also that of a classifier's outputs."""

WITHOUT_MOTION = frozenset(
    {
        "5_o_Clock_Shadow",
        "Black_Hair",
        "Blond_Hair",
        "Brown_Hair",
        "Eyeglasses",
        "Goatee",
        "Gray_Hair",
        "Heavy_Makeup",
        "Mustache",
        "No_Beard",
        "Rosy_Cheeks",
        "Sideburns",
        "Wearing_Lipstick",
    }
)
"""Attributes whose edits move no landmark: beards, make-up, glasses, hair colours."""

LIP_OPENING = frozenset({"Mouth_Slightly_Open"})
"""Attributes whose edits open closed lips. All others only scale the gap between the lips in the source."""

EXPRESSIONS = frozenset({"Smiling", "Mouth_Slightly_Open"})
"""Facial expressions. At strengths below 0 they close the lips."""

REGIONS: dict[str, Region] = {
    "5_o_Clock_Shadow": "beard",
    "Goatee": "beard",
    "Mouth_Slightly_Open": "skin",
    "Mustache": "beard",
    "No_Beard": "beard",
    "Sideburns": "beard",
    "Smiling": "skin",
    "Wearing_Lipstick": "lips",
    "Young": "rejuvenation",
}
"""Region in which an attribute changes colour and texture; "face" for attributes that are not listed."""

OPPOSITE_REGIONS: dict[str, Region] = {"Young": "ageing"}
"""Region of edits away from an attribute, where it differs from that in `REGIONS`."""

EVERYDAY: dict[str, tuple[str, int]] = {
    "stubble": ("5_o_Clock_Shadow", 1),
    "arched-eyebrows": ("Arched_Eyebrows", 1),
    "attractive": ("Attractive", 1),
    "eye-bags": ("Bags_Under_Eyes", 1),
    "bald": ("Bald", 1),
    "bangs": ("Bangs", 1),
    "big-lips": ("Big_Lips", 1),
    "big-nose": ("Big_Nose", 1),
    "black-hair": ("Black_Hair", 1),
    "blond": ("Blond_Hair", 1),
    "blurry": ("Blurry", 1),
    "brown-hair": ("Brown_Hair", 1),
    "bushy-eyebrows": ("Bushy_Eyebrows", 1),
    "chubby": ("Chubby", 1),
    "double-chin": ("Double_Chin", 1),
    "glasses": ("Eyeglasses", 1),
    "goatee": ("Goatee", 1),
    "gray-hair": ("Gray_Hair", 1),
    "makeup": ("Heavy_Makeup", 1),
    "high-cheekbones": ("High_Cheekbones", 1),
    "male": ("Male", 1),
    "mouth-open": ("Mouth_Slightly_Open", 1),
    "mustache": ("Mustache", 1),
    "narrow-eyes": ("Narrow_Eyes", 1),
    "beard": ("No_Beard", -1),
    "oval-face": ("Oval_Face", 1),
    "pale": ("Pale_Skin", 1),
    "pointy-nose": ("Pointy_Nose", 1),
    "receding-hairline": ("Receding_Hairline", 1),
    "rosy-cheeks": ("Rosy_Cheeks", 1),
    "sideburns": ("Sideburns", 1),
    "smile": ("Smiling", 1),
    "straight-hair": ("Straight_Hair", 1),
    "wavy-hair": ("Wavy_Hair", 1),
    "earrings": ("Wearing_Earrings", 1),
    "hat": ("Wearing_Hat", 1),
    "lipstick": ("Wearing_Lipstick", 1),
    "necklace": ("Wearing_Necklace", 1),
    "necktie": ("Wearing_Necktie", 1),
    "age": ("Young", -1),
}
"""Everyday name of each attribute: CelebA's name and a sign, -1 if the everyday name means its opposite."""

METHODS = ("transformer", "direction", "ganspace")
"""Editing methods, best first. A name without a method uses the first of them that the model has."""

_SPELLINGS = {"grey-hair": "gray-hair", "blonde": "blond", "moustache": "mustache", "gender": "male"}
_KNOWN = (
    {name.lower().replace("_", "-"): (name, 1) for name in CELEBA}
    | EVERYDAY
    | {other: EVERYDAY[name] for other, name in _SPELLINGS.items()}
    | {"female": ("Male", -1)}
)
_EVERYDAY_OF = {(attribute, sign): name for name, (attribute, sign) in EVERYDAY.items()}


@dataclass(frozen=True)
class Attribute:
    """An attribute and a direction of change.

    Attributes:
        name: CelebA's name for one of its forty attributes, else a custom name in lower case.
        sign: 1, or -1 for the opposite of `name`.
    """

    name: str
    sign: int = 1

    @property
    def index(self) -> int | None:
        """Index in `CELEBA`, None for a custom name."""
        return CELEBA.index(self.name) if self.name in CELEBA else None

    @property
    def everyday(self) -> str:
        """Everyday name such as `smile` or `age`; a custom name is returned unchanged."""
        return _EVERYDAY_OF.get((self.name, 1)) or _EVERYDAY_OF.get((self.name, -1)) or self.name


@dataclass(frozen=True)
class AttributeRequest:
    """A parsed `METHOD:NAME`.

    Attributes:
        text: the text as the user wrote it, for messages.
        attribute: attribute to edit; for `ganspace`, its name is the component's number.
        method: one of `METHODS`, or None for the model's best.
        held: attributes that a direction must keep constant (`direction:smile~age`).
        layers: layers that a component edits (`ganspace:3:0-4`), or None for all.
    """

    text: str
    attribute: Attribute
    method: str | None = None
    held: tuple[Attribute, ...] = ()
    layers: range | None = None

    @property
    def moves_landmarks(self) -> bool:
        """Whether the edit moves landmarks; assumed for components and custom names."""
        return self.method == "ganspace" or self.attribute.name not in WITHOUT_MOTION

    def region(self, strength: float) -> Region:
        """Return the region of the face in which an edit of this strength changes colour and texture."""
        if self.method == "ganspace":
            return "face"
        name, towards = self.attribute.name, strength * self.attribute.sign >= 0
        region = REGIONS.get(name, "face")
        return region if towards else OPPOSITE_REGIONS.get(name, region)

    @property
    def is_expression(self) -> bool:
        """Whether the edit is a facial expression. Expressions are not applied while the mouth is occluded."""
        return self.method != "ganspace" and self.attribute.name in EXPRESSIONS

    @property
    def opens_lips(self) -> bool:
        """Whether the edit opens closed lips."""
        return self.method != "ganspace" and self.attribute.name in LIP_OPENING


def attribute_of(name: str) -> Attribute:
    """Return the attribute of an everyday name or a CelebA name, in any case; any other name is a custom one."""
    plain = re.sub(r"[\s_]+", "-", name.strip().lower())
    return Attribute(*_KNOWN.get(plain, (plain, 1)))


def attribute_in(text: str) -> Attribute | None:
    """Return the first attribute whose name is among the words of a file name, or None."""
    words = f"-{re.sub(r'[^a-z0-9]+', '-', text.lower())}-"
    matches = [(words.find(f"-{name}-"), -len(name), name) for name in _KNOWN if f"-{name}-" in words]
    return Attribute(*_KNOWN[min(matches)[2]]) if matches else None


def parse_attribute(text: str) -> AttributeRequest:
    """Parse `NAME`, `METHOD:NAME`, `direction:NAME~HELD`, `ganspace:NUMBER` or `ganspace:NUMBER:FIRST-LAST`.

    Raises:
        UsageError: the name is missing, or the method is unknown.
    """
    method, colon, name = text.strip().partition(":")
    if not colon:
        method, name = "", method
    method = method.strip().lower()
    if colon and method not in METHODS:
        raise UsageError(f'unknown method "{method}" in "{text}"; use one of {", ".join(METHODS)}')
    if not name.strip():
        raise UsageError(f'"{text}" has no attribute name; write for example smile, or direction:smile')
    if method == "ganspace":
        return _parse_component(text, name)
    name, *held = name.split("~")
    if held and method != "direction":
        raise UsageError(f'"{text}": only directions can hold other attributes; write direction:{name}~{held[0]}')
    return AttributeRequest(text, attribute_of(name), method or None, tuple(attribute_of(other) for other in held))


def unknown_attribute(text: str, wanted: str, names: Iterable[str]) -> UsageError:
    """Return the error for an attribute that a model cannot edit.

    Args:
        text: the attribute as the user wrote it.
        wanted: its name without a method.
        names: everyday names of the attributes that the model can edit.
    """
    available = sorted(set(names))
    listing = f"this model edits: {', '.join(available)}" if available else "this model has no editors"
    if attribute_of(wanted).index is not None:
        remedy = (
            "the published latent transformers can; import them (facevid models import) and choose them with --model"
        )
        return UsageError(f'this model cannot edit "{text}"; {listing}; {remedy}')
    near = difflib.get_close_matches(wanted.lower(), [*available, *_KNOWN], n=1)
    hint = f'did you mean "{near[0]}"? ' if near else ""
    return UsageError(f'unknown attribute "{text}"; {hint}{listing}')


def _parse_component(text: str, name: str) -> AttributeRequest:
    match = re.fullmatch(r"(\d{1,5})(?::(\d{1,3})-(\d{1,3}))?", name.strip())
    if match is None:
        raise UsageError(f'"{text}": write ganspace:NUMBER or ganspace:NUMBER:FIRST-LAST, for example ganspace:3:0-4')
    layers = range(int(match[2]), int(match[3]) + 1) if match[2] else None
    if layers is not None and not layers:
        raise UsageError(f'"{text}": the first layer is after the last; write FIRST-LAST, for example 0-4')
    return AttributeRequest(text, Attribute(str(int(match[1]))), "ganspace", layers=layers)
