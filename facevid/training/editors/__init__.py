"""Training of editors on labelled codes: the latent classifier, latent transformers, directions and components."""
