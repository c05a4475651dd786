"""What tracking made of a clip, to be looked at before a long render."""
