"""Editing all shots in a folder, on one machine or on several that share the folder."""

from facevid.batch.farm import ShotOutcome, edit_shots
from facevid.batch.shots import Shot, find_shots

__all__ = ["Shot", "ShotOutcome", "edit_shots", "find_shots"]
