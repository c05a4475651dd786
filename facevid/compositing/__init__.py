"""From a generated face back into the frame: mattes, the plate's detail, Poisson cloning."""

from facevid.compositing.composite import composite
from facevid.compositing.faces import EditedFace

__all__ = ["EditedFace", "composite"]
