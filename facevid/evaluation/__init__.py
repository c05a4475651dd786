"""Evaluation: how well editors edit, and how well a face model keeps a person."""
