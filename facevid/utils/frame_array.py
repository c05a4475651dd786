"""File-backed arrays with one entry for each frame, of which only the entries in use are in memory.

`numpy.memmap` is not used for two reasons: mapped pages count towards the process's resident memory until the system
needs them, which exceeds the memory limits of render farms; and a write to a map kills the process (SIGBUS) if the disk
is full.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self
from weakref import finalize

import numpy as np
from numpy.lib import format as npy
from numpy.typing import DTypeLike, NDArray


class FrameArray:
    """An array in a `.npy` file, read and written one entry or slice at a time.

    An array opened with the constructor is read-only by default, one from `create` is writable. The file stays open, so
    the array remains readable after the file is deleted. Not thread-safe.

    Attributes:
        shape: (N, ...), N the number of frames.
        dtype: data type of the numbers.
    """

    def __init__(self, path: Path, mode: str = "rb") -> None:
        self._file = path.open(mode)
        self.close = finalize(self, self._file.close)
        npy.read_magic(self._file)
        self.shape, _, self.dtype = npy.read_array_header_1_0(self._file)
        self._data_offset = self._file.tell()
        self._entry_bytes = self.dtype.itemsize * int(np.prod(self.shape[1:]))

    @classmethod
    def create(cls, path: Path, dtype: DTypeLike, shape: tuple[int, ...]) -> Self:
        """Create the file, filled with zeros, and open it for reading and writing."""
        header = {"descr": npy.dtype_to_descr(np.dtype(dtype)), "fortran_order": False, "shape": shape}
        with path.open("wb") as file:
            npy.write_array_header_1_0(file, header)
            file.truncate(file.tell() + np.dtype(dtype).itemsize * int(np.prod(shape)))
        return cls(path, "r+b")

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, frames: int | slice) -> NDArray[Any]:
        if not isinstance(frames, slice):
            entry: NDArray[Any] = self[frames : frames + 1][0]
            return entry
        first, stop, step = frames.indices(len(self))
        assert step == 1
        shape = (max(stop - first, 0), *self.shape[1:])
        self._file.seek(self._data_offset + first * self._entry_bytes)
        return np.fromfile(self._file, self.dtype, int(np.prod(shape))).reshape(shape)

    def __setitem__(self, index: int, entry: NDArray[np.generic]) -> None:
        assert 0 <= index < len(self)
        assert entry.shape == self.shape[1:]
        self._file.seek(self._data_offset + index * self._entry_bytes)
        self._file.write(entry.astype(self.dtype, copy=False).tobytes())
        self._file.flush()

    def sync(self) -> None:
        """Wait until what was written is on the disk, or on the server of a network file system."""
        os.fsync(self._file.fileno())


FramesArray = NDArray[Any] | FrameArray
"""An array with one entry for each frame, in memory or in a file."""
