"""People: which tracklets are of one person, and the tracks that they form."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from facevid.faces.tracking import Track, Tracklet

SAME_PERSON = 0.42
"""Largest distance between descriptors of tracklets of one person. Strict on purpose: users can select one person under
two numbers by naming both, but cannot separate two people under one number."""

SAME_PERSON_CONTINUED = 0.6
"""The same for two tracklets of which one follows the other according to motion; dlib's own threshold."""

MIN_DETECTIONS = 3
"""Smallest number of detections in a track, unless its shot is shorter. Detectors now and then find a face in the
background for a frame or two."""


def find_people(
    tracklets: Sequence[Tracklet], descriptors: NDArray[np.float64], shots: Sequence[range], max_gap: int
) -> tuple[list[Track], NDArray[np.float64]]:
    """Group tracklets by person, and join the tracklets of each person into tracks.

    Args:
        tracklets: as from `find_tracklets` or `split_by_identity`.
        descriptors: float64 (len(tracklets), 128), as from `split_by_identity`; if all are NaN, motion alone decides.
        shots: the frames of each shot.
        max_gap: longest gap between detections, in frames, that a track bridges.

    Returns:
        The tracks, in order of appearance, with P people; and the descriptors of these, float64 (P, 128), NaN for a
        person without a view good enough for a descriptor.
    """
    people = group_tracklets(tracklets, descriptors)
    tracks = _join(tracklets, people, shots, max_gap)
    order = list(dict.fromkeys(track.person for track in tracks))
    numbers = {person: number for number, person in enumerate(order)}
    has_descriptor = ~np.isnan(descriptors[:, 0])
    means = np.full((len(order), descriptors.shape[1]), np.nan)
    for number, person in enumerate(order):
        is_own = has_descriptor & (np.array(people) == person)
        if is_own.any():
            means[number] = descriptors[is_own].mean(axis=0)
    return [replace(track, person=numbers[track.person]) for track in tracks], means


def group_tracklets(tracklets: Sequence[Tracklet], descriptors: NDArray[np.float64]) -> list[int]:
    """Group tracklets by person.

    Agglomerative clustering of descriptors by their means: the two closest groups are merged as long as they are close
    enough, except groups that overlap in time. Then each tracklet without a descriptor is merged with the one that it
    follows according to motion.

    Returns:
        For each tracklet, the index of the first tracklet of the same person.
    """
    people = np.arange(len(tracklets))
    if len(tracklets) < 2:
        return people.tolist()
    clusters = _Clusters(tracklets, descriptors)
    while pair := clusters.closest_pair():
        target, source = pair
        clusters.merge(target, source)
        people[people == source] = target
    return people.tolist()


class _Clusters:
    """Clusters of tracklets, each identified by the index of its first one. Initially each tracklet is a cluster."""

    def __init__(self, tracklets: Sequence[Tracklet], descriptors: NDArray[np.float64]) -> None:
        count = len(tracklets)
        first, last = np.array([(each.indices[0], each.indices[-1]) for each in tracklets]).T
        self._unmergeable = (first[:, None] <= last) & (first <= last[:, None])
        self._linked_by_motion = np.zeros((count, count), dtype=bool)
        for index, each in enumerate(tracklets):
            if each.follows is not None:
                self._linked_by_motion[index, each.follows] = self._linked_by_motion[each.follows, index] = True
        self._descriptor_counts = (~np.isnan(descriptors[:, 0])).astype(float)
        self._descriptor_sums = np.nan_to_num(descriptors)
        self._excess = np.full((count, count), np.inf)
        for index in range(count):
            self._measure(index)

    def closest_pair(self) -> tuple[int, int] | None:
        """Return the two clusters to merge next, the one that begins earlier first; None if none are close enough."""
        a, b = divmod(int(self._excess.argmin()), len(self._excess))
        return (min(a, b), max(a, b)) if self._excess[a, b] < 0 else None

    def merge(self, target: int, source: int) -> None:
        """Merge the cluster `source` into `target`."""
        self._descriptor_sums[target] += self._descriptor_sums[source]
        self._descriptor_counts[target] += self._descriptor_counts[source]
        for relation in (self._unmergeable, self._linked_by_motion):
            relation[target] |= relation[source]
            relation[:, target] = relation[target]
        self._unmergeable[source] = self._unmergeable[:, source] = True
        self._measure(target)
        self._measure(source)

    def _measure(self, cluster: int) -> None:
        """Update by how much the distance of a cluster to each other one exceeds the threshold for one person."""
        means = self._descriptor_sums / np.maximum(self._descriptor_counts, 1)[:, None]
        threshold = np.where(self._linked_by_motion[cluster], SAME_PERSON_CONTINUED, SAME_PERSON)
        excess = np.linalg.norm(means - means[cluster], axis=1) - threshold
        unknown = (self._descriptor_counts == 0) | (self._descriptor_counts[cluster] == 0)
        # -1e-9: without descriptors, clusters linked by motion are merged, but after all others.
        excess[unknown] = np.where(self._linked_by_motion[cluster], -1e-9, np.inf)[unknown]
        excess[self._unmergeable[cluster]] = np.inf
        self._excess[cluster] = self._excess[:, cluster] = excess


def _join(tracklets: Sequence[Tracklet], people: Sequence[int], shots: Sequence[range], max_gap: int) -> list[Track]:
    """Join the tracklets of each person into tracks, in order of appearance; tracks that are too short are dropped."""
    runs: list[tuple[int, list[Tracklet]]] = []
    latest: dict[int, list[Tracklet]] = {}
    for tracklet, person in sorted(zip(tracklets, people, strict=True), key=lambda each: each[0].indices[0]):
        run = latest.get(person)
        if run and run[-1].shot == tracklet.shot and tracklet.indices[0] - run[-1].indices[-1] <= max_gap + 1:
            run.append(tracklet)
        else:
            latest[person] = [tracklet]
            runs.append((person, latest[person]))
    return [
        _track(person, run)
        for person, run in runs
        if sum(len(part.indices) for part in run) >= min(MIN_DETECTIONS, len(shots[run[0].shot]))
    ]


def _track(number: int, run: Sequence[Tracklet]) -> Track:
    """Join consecutive tracklets into one track, and interpolate the landmarks in frames without a detection."""
    indices = np.array([index for part in run for index in part.indices])
    faces = [face for part in run for face in part.faces]
    offsets, all_offsets = indices - indices[0], np.arange(indices[-1] - indices[0] + 1)
    coordinates = np.stack([face.landmarks for face in faces]).reshape(len(offsets), -1)
    columns = [np.interp(all_offsets, offsets, column) for column in coordinates.T]
    landmarks = np.stack(columns, axis=1, dtype=np.float32).reshape(len(all_offsets), -1, 2)
    detected = np.zeros(len(all_offsets), dtype=bool)
    detected[offsets] = True
    scores = np.zeros(len(all_offsets), dtype=np.float32)
    scores[offsets] = [face.score for face in faces]
    flow = np.full_like(landmarks, np.nan)
    for offset, face in zip(offsets, faces, strict=True):
        if face.flow is not None:
            flow[offset] = face.flow
    return Track(number, int(indices[0]), landmarks, detected, scores, flow)
