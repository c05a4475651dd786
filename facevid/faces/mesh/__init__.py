"""The bundled landmark detector: a network that places the points of MediaPipe's face mesh."""
