"""Training of a face model: encoder and generator as an autoencoder, and a mapping network."""
