"""Fitting the appearance model, and labels that are measured on faces."""
