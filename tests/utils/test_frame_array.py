"""Arrays of one entry a frame that lie in a file."""

import numpy as np
import pytest

from facevid.utils.frame_array import FrameArray

ENTRIES = np.random.default_rng(0).normal(size=(7, 3, 2)).astype(np.float16)


def written(path):
    array = FrameArray.create(path, ENTRIES.dtype, ENTRIES.shape)
    for index, entry in enumerate(ENTRIES):
        array[index] = entry
    return array


def test_what_is_written_is_read_by_numpy_too(tmp_path):
    path = tmp_path / "a.npy"
    array = written(path)
    assert np.array_equal(np.load(path), ENTRIES)
    assert (len(array), array.shape, array.dtype) == (7, (7, 3, 2), np.float16)
    for part in (0, 6, slice(2, 5), slice(None), slice(5, 99), slice(4, 4)):
        assert np.array_equal(array[part], ENTRIES[part])
        assert np.array_equal(FrameArray(path)[part], ENTRIES[part])
    assert all(np.array_equal(a, b) for a, b in zip(array, ENTRIES, strict=True))


def test_what_numpy_wrote_is_read(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(5, dtype=np.float32))
    assert FrameArray(tmp_path / "a.npy")[1:4].tolist() == [1, 2, 3]


def test_entries_may_be_written_in_any_order_and_are_0_before(tmp_path):
    array = FrameArray.create(tmp_path / "a.npy", np.uint8, (4, 2))
    array[2] = np.array([True, False])
    assert array[:].tolist() == [[0, 0], [0, 0], [1, 0], [0, 0]]
    array[0] = array[2] + 1
    assert array[:].tolist() == [[2, 1], [0, 0], [1, 0], [0, 0]]


def test_a_file_that_is_deleted_meanwhile_is_read_on(tmp_path):
    """Another process may clear the cache during a render."""
    written(tmp_path / "a.npy")
    array = FrameArray(tmp_path / "a.npy")
    (tmp_path / "a.npy").unlink()
    assert np.array_equal(array[3:], ENTRIES[3:])


def test_what_is_not_there_is_an_error(tmp_path):
    array = written(tmp_path / "a.npy")
    with pytest.raises(IndexError):
        array[7]
