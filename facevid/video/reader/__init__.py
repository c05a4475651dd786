"""Readers of videos, image sequences and stills."""
