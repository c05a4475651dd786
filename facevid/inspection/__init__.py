"""Preview of the tracking of a clip, to check before a long render."""

from facevid.inspection.clip_inspection import InspectSummary, inspect_video

__all__ = ["InspectSummary", "inspect_video"]
