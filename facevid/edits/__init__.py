"""W+ codes: what attributes are called, what an edit asks for, and smoothing over time."""
