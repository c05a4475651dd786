"""Measured quality of a model's edits: the optional file `measures.json` in its folder."""

import msgspec
from msgspec import Struct

from facevid.errors import ModelError, reason
from facevid.models.store import locate

MEASURES_FILE = "measures.json"
"""Name of the file."""


class AttributeMeasure(Struct, frozen=True, kw_only=True):
    """Measured quality of the edits of one attribute.

    Attributes:
        recommended: whether the attribute is recommended.
        measured: the result, in a few words.
        identity: median cosine similarity of face descriptors before and after a full edit; of both directions, the
            lower one.
    """

    recommended: bool
    measured: str
    identity: float


class AttributeMeasures(Struct, frozen=True, kw_only=True):
    """The contents of `measures.json`.

    Attributes:
        source: how the attributes were measured.
        attributes: measures by everyday name of the attribute.
    """

    source: str
    attributes: dict[str, AttributeMeasure]


def read_measures(model: str | None) -> dict[str, AttributeMeasure]:
    """Return the measures of a model, by everyday name of the attribute; empty if it has none.

    Args:
        model: a name in the store, or a path; None is the bundled model.

    Raises:
        ModelError: the file is damaged.
    """
    path = locate(model) / MEASURES_FILE
    if not path.is_file():
        return {}
    try:
        return msgspec.json.decode(path.read_bytes(), type=AttributeMeasures).attributes
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ModelError(f"{path} is damaged: {reason(error).lower()}; remove it, or import the model again") from error
