"""Reading videos and image sequences: frames with exact timestamps."""
