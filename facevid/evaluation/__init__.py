"""Evaluation of edits, smoothing methods, occlusion detection, editors and face models."""
