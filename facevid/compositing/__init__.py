"""From a generated face back into the frame: mattes, the plate's detail, Poisson cloning."""
