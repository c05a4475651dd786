"""The scale of each detector's confidence: the values from which a face is reported, doubtful, and good."""

from dataclasses import dataclass

from facevid.faces.mesh.detector import MIN_CONFIDENCE, MIN_NEW_CONFIDENCE


@dataclass(frozen=True)
class ConfidenceScale:
    """The scale of one detector.

    Attributes:
        accepted: smallest confidence of a face that the detector reports.
        doubtful: below this value, detections of turned, covered or small faces are as common as false detections.
        good: smallest confidence of frontal faces in good light.
        meaning: what the number is.
    """

    accepted: float
    doubtful: float
    good: float
    meaning: str


# `doubtful` and `good` of dlib and the bundled detector are read off some 75 frames of four clips and 5 portraits, not
# fitted to labels. Frontal faces have 1.0 to 2.1 (dlib) and 0.92 to 0.98 (bundled), turned and partly covered ones 0.5
# to 1.0 and 0.8 to 0.92. Lower values are mostly of blurred or far turned faces, or false detections.
SCALES = {
    "dlib": ConfidenceScale(0.0, 0.5, 1.0, "distance from the decision boundary of dlib's classifier; no upper end"),
    "bundled": ConfidenceScale(
        MIN_CONFIDENCE,
        0.8,
        0.92,
        f"probability of a face; {MIN_NEW_CONFIDENCE:g} is needed to begin, {MIN_CONFIDENCE:g} to follow",
    ),
    "face-alignment": ConfidenceScale(0.5, 0.8, 0.95, "probability of a face (S3FD); the scale is not measured"),
}
"""Name of the detector -> scale."""
