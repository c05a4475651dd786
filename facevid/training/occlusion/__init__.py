"""Training an occlusion network, on faces with synthetic occluders drawn over them."""
