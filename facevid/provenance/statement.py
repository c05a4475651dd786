"""The statement that a result contains generated media, with the program and the model that generated it."""

from dataclasses import dataclass, field
from importlib.metadata import version

from facevid.errors import printable

PROGRAM = "facevid"
"""Name of the program in statements."""

DIGITAL_SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
"""IPTC's term for recorded media with parts that a trained model made."""


@dataclass(frozen=True)
class Provenance:
    """The origin of an edited result.

    Attributes:
        model: name of the face model.
        version: version of facevid.
    """

    model: str
    version: str = field(default_factory=lambda: version(PROGRAM))

    @property
    def system(self) -> str:
        """Program and model."""
        return f"{PROGRAM} (model {printable(self.model)})"

    @property
    def properties(self) -> dict[str, str]:
        """Properties of the IPTC Photo Metadata Standard 2025.1, by their names in XMP."""
        return {
            "DigitalSourceType": DIGITAL_SOURCE_TYPE,
            "AISystemUsed": self.system,
            "AISystemVersionUsed": self.version,
        }

    @property
    def tags(self) -> dict[str, str]:
        """The same properties, with names as in Matroska."""
        return {
            "DIGITAL_SOURCE_TYPE": DIGITAL_SOURCE_TYPE,
            "AI_SYSTEM_USED": self.system,
            "AI_SYSTEM_VERSION_USED": self.version,
        }

    @property
    def comment(self) -> str:
        """The statement as text."""
        return f"Digital source type: {DIGITAL_SOURCE_TYPE}; edited with {PROGRAM} {self.version}, model {self.model}"
