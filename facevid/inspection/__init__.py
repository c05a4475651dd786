"""Preview of the tracking of a clip, to be checked before a long render."""

from facevid.inspection.inspect_video import InspectSummary, inspect_video

__all__ = ["InspectSummary", "inspect_video"]
