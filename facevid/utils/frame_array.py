"""Arrays of one entry a frame that lie in a file: whatever a clip's length, only the entries in use are in memory.

A memory map would hold less code. But its pages count as the process's own for as long as nobody else wants the memory,
which a render farm's limits do not forgive; and writing to a map ends the process where the disk is full.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self
from weakref import finalize

import numpy as np
from numpy.lib import format as npy
from numpy.typing import DTypeLike, NDArray


class FrameArray:
    """An array in a `.npy` file, which is read, and written where it was created, an entry or a slice at a time.

    The file stays open, so it may be deleted meanwhile. Not safe to share between threads.

    Attributes:
        shape: (N, ...), of one entry a frame.
        dtype: of its numbers.
    """

    def __init__(self, path: Path, mode: str = "rb") -> None:
        self._file = path.open(mode)
        self.close = finalize(self, self._file.close)
        npy.read_magic(self._file)
        self.shape, _, self.dtype = npy.read_array_header_1_0(self._file)
        self._begin = self._file.tell()
        self._entry = self.dtype.itemsize * int(np.prod(self.shape[1:]))

    @classmethod
    def create(cls, path: Path, dtype: DTypeLike, shape: tuple[int, ...]) -> Self:
        """Make the file, of zeros."""
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
            return self[frames : frames + 1][0]
        first, stop, step = frames.indices(len(self))
        assert step == 1
        shape = (max(stop - first, 0), *self.shape[1:])
        self._file.seek(self._begin + first * self._entry)
        return np.fromfile(self._file, self.dtype, int(np.prod(shape))).reshape(shape)

    def __setitem__(self, index: int, entry: NDArray[np.generic]) -> None:
        assert 0 <= index < len(self)
        assert entry.shape == self.shape[1:]
        self._file.seek(self._begin + index * self._entry)
        self._file.write(entry.astype(self.dtype, copy=False).tobytes())
        self._file.flush()


FramesArray = NDArray[Any] | FrameArray
"""An array of one entry a frame, in memory or in a file."""
