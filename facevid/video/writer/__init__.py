"""Writing videos, image sequences and stills: encoders, what is carried over from the source, and atomic output."""
