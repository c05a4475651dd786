"""Fitting of the appearance model, and labels measured from faces."""
