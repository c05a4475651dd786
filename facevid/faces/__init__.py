"""Faces in pictures: landmarks, tracks, and the FFHQ alignment."""
