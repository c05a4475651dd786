"""Small tools that every stage uses: batching, progress, devices, the cache, prefetching, and atomic output files."""
