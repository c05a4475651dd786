"""The appearance of a face: measured in the frame of a mean face, and changed in the pixels of the plate."""
