"""Training of the occlusion network on faces with synthetic occluders."""
