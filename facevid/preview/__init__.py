"""The page of `facevid preview`: edits of single frames, to choose strengths by eye."""
