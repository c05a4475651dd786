"""Faces in pictures: landmark detection, tracking, identity, stabilisation and the FFHQ alignment."""
