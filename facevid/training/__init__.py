"""Training: labelled codes from pictures, the latent classifier, editors, and face models."""
