"""Editing all shots in a folder, each once, and again only when something has changed."""
