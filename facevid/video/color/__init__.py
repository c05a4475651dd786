"""Pixel formats and colours: matrices, ranges, transfer curves, primaries, bit depth, and HDR metadata."""
