"""The effect of each attribute on a face, in everyday words."""

EFFECTS: dict[str, tuple[str, str]] = {
    "age": ("older", "younger"),
    "arched-eyebrows": ("arched eyebrows", "straight eyebrows"),
    "attractive": ("more attractive to CelebA's annotators", "less so"),
    "bald": ("bald", "with hair"),
    "bangs": ("bangs", "no bangs"),
    "beard": ("a beard", "no beard"),
    "big-lips": ("fuller lips", "thinner lips"),
    "big-nose": ("a bigger nose", "a smaller nose"),
    "black-hair": ("black hair", "hair less black"),
    "blond": ("blond hair", "hair less blond"),
    "blurry": ("a blurred picture", "a sharper picture"),
    "brown-hair": ("brown hair", "hair less brown"),
    "bushy-eyebrows": ("bushy eyebrows", "thin eyebrows"),
    "chubby": ("a fuller face", "a leaner face"),
    "double-chin": ("a double chin", "no double chin"),
    "earrings": ("earrings", "no earrings"),
    "eye-bags": ("bags under the eyes", "no bags under the eyes"),
    "glasses": ("glasses", "no glasses"),
    "goatee": ("a goatee", "no goatee"),
    "gray-hair": ("gray hair", "hair less gray"),
    "hat": ("a hat", "no hat"),
    "high-cheekbones": ("high cheekbones", "flat cheekbones"),
    "lipstick": ("lipstick", "no lipstick"),
    "makeup": ("make-up", "no make-up"),
    "male": ("looks male", "looks female"),
    "mouth-open": ("mouth opens", "mouth closes"),
    "mustache": ("a mustache", "no mustache"),
    "narrow-eyes": ("narrowed eyes", "wide eyes"),
    "necklace": ("a necklace", "no necklace"),
    "necktie": ("a necktie", "no necktie"),
    "oval-face": ("an oval face", "a less oval face"),
    "pale": ("paler skin", "darker skin"),
    "pointy-nose": ("a pointed nose", "a rounded nose"),
    "receding-hairline": ("a receding hairline", "a full hairline"),
    "rosy-cheeks": ("rosy cheeks", "pale cheeks"),
    "sideburns": ("sideburns", "no sideburns"),
    "smile": ("a broad smile", "no smile"),
    "straight-hair": ("straight hair", "hair less straight"),
    "stubble": ("stubble", "clean-shaven"),
    "wavy-hair": ("wavy hair", "hair less wavy"),
}
"""Effects of strengths 1 and -1, by everyday name of the attribute."""


def effects_of(name: str) -> tuple[str, str]:
    """Return the effects of strengths 1 and -1; for a custom attribute, "more" and "less" with its name."""
    return EFFECTS.get(name, (f"more {name}", f"less {name}"))
