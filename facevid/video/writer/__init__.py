"""Writers of videos, image sequences and stills: stream copy and metadata of the source, atomic output."""
