"""A face's appearance: measuring it in the frame of a mean face, and changing it in the plate's own pixels."""
