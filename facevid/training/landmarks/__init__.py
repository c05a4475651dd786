"""Training of the landmark network on portraits that another network has labelled."""
