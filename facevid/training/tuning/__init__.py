"""Pivotal tuning of a generator to the faces of one shot."""
