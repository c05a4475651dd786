"""Encoders: codecs and their settings, pixel formats and colours of a result, and the encoding of frames."""
