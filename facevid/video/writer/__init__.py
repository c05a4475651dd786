"""Writers of videos, image sequences and stills: encoders, stream copy and metadata of the source, atomic output."""
