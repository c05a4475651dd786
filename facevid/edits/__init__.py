"""Attribute names, the values of `--attr`, and the file of `--edits`."""
