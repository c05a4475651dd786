"""Pixel formats and colours: matrices, ranges, transfer curves, primaries, depth, and HDR metadata."""
