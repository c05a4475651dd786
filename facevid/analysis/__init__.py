"""Analysis of a clip before any edit: shots, tracks, the choice of faces, codes, and occlusion."""
