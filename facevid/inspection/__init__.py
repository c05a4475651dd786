"""What tracking made of a clip, to be looked at before a long render."""

from facevid.inspection.inspect import InspectSummary, inspect_video

__all__ = ["InspectSummary", "inspect_video"]
