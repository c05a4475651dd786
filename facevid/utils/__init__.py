"""Helpers without knowledge of faces or video: batching, progress, devices, cache, prefetching, atomic output."""
