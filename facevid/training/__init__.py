"""Training: pictures to labelled codes, the latent classifier, the editors, and a face model of one's own."""
