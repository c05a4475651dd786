"""Edit facial attributes in video with a latent transformer (Yao, Newson, Gousseau, Hellier, ICCV 2021).

The public API. Each name is imported on first use, so that `import facevid` does not import torch.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from facevid.edits.attribute_edit import AttributeEdit, parse_edit
    from facevid.edits.edit_file import FaceEdits, read_edits
    from facevid.inspection import InspectSummary, inspect_video
    from facevid.models import FaceModel, load_model
    from facevid.options import CompositingOptions, ComputeOptions, EditOptions, TrackingOptions
    from facevid.pipeline import EditSummary, edit_video

_HOMES = {
    "AttributeEdit": "facevid.edits.attribute_edit",
    "CompositingOptions": "facevid.options",
    "ComputeOptions": "facevid.options",
    "EditOptions": "facevid.options",
    "EditSummary": "facevid.pipeline",
    "FaceEdits": "facevid.edits.edit_file",
    "FaceModel": "facevid.models",
    "InspectSummary": "facevid.inspection",
    "TrackingOptions": "facevid.options",
    "edit_video": "facevid.pipeline",
    "inspect_video": "facevid.inspection",
    "load_model": "facevid.models",
    "parse_edit": "facevid.edits.attribute_edit",
    "read_edits": "facevid.edits.edit_file",
}

__all__ = [
    "AttributeEdit",
    "CompositingOptions",
    "ComputeOptions",
    "EditOptions",
    "EditSummary",
    "FaceEdits",
    "FaceModel",
    "InspectSummary",
    "TrackingOptions",
    "edit_video",
    "inspect_video",
    "load_model",
    "parse_edit",
    "read_edits",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its module on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'facevid' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
