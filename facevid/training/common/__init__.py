"""Code shared by several kinds of training: runs and checkpoints, pictures and labels, losses between pictures."""
