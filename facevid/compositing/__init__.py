"""Compositing of one edited face: mattes, occlusion masks, appearance changes of the plate, Poisson cloning."""

from facevid.compositing.composite import composite_face
from facevid.compositing.edited_face import EditedFace, FaceMattes, FacePatch

__all__ = ["EditedFace", "FaceMattes", "FacePatch", "composite_face"]
