"""File-backed arrays with one entry for each frame."""

from pathlib import Path

import numpy as np
import pytest

from facevid.utils.frame_array import FrameArray

ENTRIES = np.random.default_rng(0).normal(size=(7, 3, 2)).astype(np.float16)


def write_array(path: Path) -> FrameArray:
    array = FrameArray.create(path, ENTRIES.dtype, ENTRIES.shape)
    for index, entry in enumerate(ENTRIES):
        array[index] = entry
    return array


def test_the_file_is_readable_with_numpy(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    array = write_array(path)
    assert np.array_equal(np.load(path), ENTRIES)
    assert (len(array), array.shape, array.dtype) == (7, (7, 3, 2), np.dtype(np.float16))
    for part in (0, 6, slice(2, 5), slice(None), slice(5, 99), slice(4, 4)):
        assert np.array_equal(array[part], ENTRIES[part])
        assert np.array_equal(FrameArray(path)[part], ENTRIES[part])
    assert all(np.array_equal(a, b) for a, b in zip(array, ENTRIES, strict=True))


def test_a_file_written_by_numpy(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.arange(5, dtype=np.float32))
    assert FrameArray(tmp_path / "a.npy")[1:4].tolist() == [1, 2, 3]


def test_entries_are_0_until_written_and_may_be_written_in_any_order(tmp_path: Path) -> None:
    array = FrameArray.create(tmp_path / "a.npy", np.uint8, (4, 2))
    array[2] = np.array([True, False])
    assert array[:].tolist() == [[0, 0], [0, 0], [1, 0], [0, 0]]
    array[0] = array[2] + 1
    assert array[:].tolist() == [[2, 1], [0, 0], [1, 0], [0, 0]]


def test_a_deleted_file_stays_readable(tmp_path: Path) -> None:
    """Another process may clear the cache during a render."""
    write_array(tmp_path / "a.npy")
    array = FrameArray(tmp_path / "a.npy")
    (tmp_path / "a.npy").unlink()
    assert np.array_equal(array[3:], ENTRIES[3:])


def test_an_index_beyond_the_end_is_an_error(tmp_path: Path) -> None:
    array = write_array(tmp_path / "a.npy")
    with pytest.raises(IndexError):
        array[7]
