"""What several kinds of training share: runs and checkpoints, pictures and labels, losses between pictures."""
