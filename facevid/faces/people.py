"""From tracklets to people: which are of one person, and the tracks that they make."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from facevid.faces.tracking import Track, Tracklet

SAME_PERSON = 0.42
"""Distance of descriptors below which two tracklets are of one person. It is low on purpose: one person under two
numbers can be named by both, two people under one number cannot be told apart."""

SAME_PERSON_FOLLOWED = 0.6
"""The same where motion, too, says that one tracklet goes on with the other; dlib's own threshold."""

MIN_DETECTIONS = 3
"""Detections that a track needs, unless its shot is shorter: detectors find a face in the background now and then, for
a frame or two."""


@dataclass(frozen=True)
class People:
    """All people of a clip.

    Attributes:
        tracks: in order of appearance, numbered by person.
        descriptors: float64 (P, 128), of person 0, 1, ..., NaN of those never seen well enough.
    """

    tracks: tuple[Track, ...]
    descriptors: NDArray[np.float64]


def find_people(
    tracklets: Sequence[Tracklet], descriptors: NDArray[np.float64], shots: Sequence[range], max_gap: int
) -> People:
    """Tell the people of a clip apart, and join the tracklets of each into tracks.

    Args:
        tracklets: as from `find_tracklets` or `split_by_looks`.
        descriptors: float64 (len(tracklets), 128), as from `split_by_looks`; all NaN leaves it to motion.
        shots: the frames of each shot.
        max_gap: longest miss, in frames, that a track survives.
    """
    people = group_tracklets(tracklets, descriptors)
    tracks = _join(tracklets, people, shots, max_gap)
    order = list(dict.fromkeys(track.number for track in tracks))
    numbers = {person: number for number, person in enumerate(order)}
    described = ~np.isnan(descriptors[:, 0])
    means = np.full((len(order), descriptors.shape[1]), np.nan)
    for number, person in enumerate(order):
        own = described & (np.array(people) == person)
        if own.any():
            means[number] = descriptors[own].mean(axis=0)
    return People(tuple(replace(track, number=numbers[track.number]) for track in tracks), means)


def group_tracklets(tracklets: Sequence[Tracklet], descriptors: NDArray[np.float64]) -> list[int]:
    """Tell which tracklets are of one person.

    The two nearest groups are united again and again as long as they are near enough, but never two that overlap in
    time: agglomerative clustering of the descriptors' means. Last come tracklets without a descriptor, each united with
    the one that motion says it follows.

    Returns:
        For every tracklet the index of the first one that is of the same person.
    """
    people = np.arange(len(tracklets))
    if len(tracklets) < 2:
        return people.tolist()
    groups = _Groups(tracklets, descriptors)
    while pair := groups.nearest():
        kept, united = pair
        groups.unite(kept, united)
        people[people == united] = kept
    return people.tolist()


class _Groups:
    """Groups of tracklets, each under the index of its first one; it begins with every tracklet alone."""

    def __init__(self, tracklets: Sequence[Tracklet], descriptors: NDArray[np.float64]) -> None:
        count = len(tracklets)
        first, last = np.array([(each.indices[0], each.indices[-1]) for each in tracklets]).T
        self._apart = (first[:, None] <= last) & (first <= last[:, None])
        self._follows = np.zeros((count, count), dtype=bool)
        for index, each in enumerate(tracklets):
            if each.follows is not None:
                self._follows[index, each.follows] = self._follows[each.follows, index] = True
        self._described = (~np.isnan(descriptors[:, 0])).astype(float)
        self._sums = np.nan_to_num(descriptors)
        self._excess = np.full((count, count), np.inf)
        for index in range(count):
            self._measure(index)

    def nearest(self) -> tuple[int, int] | None:
        """Give the two groups that are most surely of one person, the one that begins earlier first."""
        a, b = divmod(int(self._excess.argmin()), len(self._excess))
        return (min(a, b), max(a, b)) if self._excess[a, b] < 0 else None

    def unite(self, kept: int, united: int) -> None:
        """Put one group into another."""
        self._sums[kept] += self._sums[united]
        self._described[kept] += self._described[united]
        for relation in (self._apart, self._follows):
            relation[kept] |= relation[united]
            relation[:, kept] = relation[kept]
        self._apart[united] = self._apart[:, united] = True
        self._measure(kept)
        self._measure(united)

    def _measure(self, group: int) -> None:
        """Compare a group with all others: how much farther it is from each than one person may be from themselves."""
        means = self._sums / np.maximum(self._described, 1)[:, None]
        limit = np.where(self._follows[group], SAME_PERSON_FOLLOWED, SAME_PERSON)
        excess = np.linalg.norm(means - means[group], axis=1) - limit
        unknown = (self._described == 0) | (self._described[group] == 0)
        excess[unknown] = np.where(self._follows[group], -1e-9, np.inf)[unknown]
        excess[self._apart[group]] = np.inf
        self._excess[group] = self._excess[:, group] = excess


def _join(tracklets: Sequence[Tracklet], people: Sequence[int], shots: Sequence[range], max_gap: int) -> list[Track]:
    """Make tracks, in order of appearance, of the tracklets of each person; too short ones are left out."""
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
    """Make one track of tracklets that come after each other."""
    indices = np.array([index for part in run for index in part.indices])
    faces = [face for part in run for face in part.faces]
    known, every = indices - indices[0], np.arange(indices[-1] - indices[0] + 1)
    stacked = np.stack([face.landmarks for face in faces]).reshape(len(known), -1)
    filled = np.empty((len(every), stacked.shape[1]), dtype=np.float32)
    for column in range(filled.shape[1]):
        filled[:, column] = np.interp(every, known, stacked[:, column])
    detected = np.zeros(len(every), dtype=bool)
    detected[known] = True
    scores = np.zeros(len(every), dtype=np.float32)
    scores[known] = [face.score for face in faces]
    flow = np.full((len(every), 68, 2), np.nan, dtype=np.float32)
    for index, face in zip(known, faces, strict=True):
        if face.flow is not None:
            flow[index] = face.flow
    return Track(number, int(indices[0]), filled.reshape(-1, 68, 2), detected, scores, flow)
