"""Measures of an edited video against its source."""
