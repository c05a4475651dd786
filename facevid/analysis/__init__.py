"""Analysis of a clip before any edit: cuts, tracks, selection of faces, codes, occlusion and edit weights."""
