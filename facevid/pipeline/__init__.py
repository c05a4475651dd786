"""The whole edit, from a source clip to the edited clip."""

from facevid.pipeline.edit import EditSummary, edit_video

__all__ = ["EditSummary", "edit_video"]
