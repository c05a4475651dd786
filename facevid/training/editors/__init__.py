"""Training editors on labelled codes: classifier, latent transformers, directions, and components."""
