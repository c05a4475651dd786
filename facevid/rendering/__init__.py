"""Rendering of edited frames: the edits of each track over time, generated faces or appearance changes, and layers."""
