"""Distances do not depend on threads or on where arrays lie in memory."""

import cv2
import numpy as np

from facevid.utils.distances import distance_to_zero


def test_distances_are_exact() -> None:
    picture = np.ones((300, 400), np.uint8)
    picture[7, 11] = 0
    rows, columns = np.indices(picture.shape)
    expected = np.sqrt((rows - 7) ** 2 + (columns - 11) ** 2).astype(np.float32)
    threads = cv2.getNumThreads()
    try:
        for count in (1, 2, 1):
            cv2.setNumThreads(count)
            assert (distance_to_zero(picture) == expected).all()
    finally:
        cv2.setNumThreads(threads)
