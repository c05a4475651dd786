"""Rendering of edited frames: the schedule, generated faces and appearance changes, compositing, and extra outputs."""
