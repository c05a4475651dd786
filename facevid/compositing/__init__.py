"""From a generated face back into the frame: mattes, the plate's detail, Poisson cloning."""

from facevid.compositing.composite import Patch, composite
from facevid.compositing.faces import EditedFace, ShapeChange

__all__ = ["EditedFace", "Patch", "ShapeChange", "composite"]
