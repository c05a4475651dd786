"""Safe reading of weights files (PyTorch's zip and legacy formats, safetensors, NumPy): no code in them is run."""

import argparse
import codecs
import itertools
import pickle
import pickletools
import re
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from torch import Tensor

from facevid.errors import ModelError, reason

_LEGACY_HEAD = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""First bytes of files written by PyTorch before version 1.6: the pickled magic number."""

_MAX_EXCESS_BYTES = 64 << 20
"""Bytes by which the tensors may exceed the file size: expanded tensors are stored as one repeated value."""

_SUPPORTED_DTYPES = frozenset(
    {torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8}
    | {torch.uint8, torch.bool}
)
"""Number formats that PyTorch supports on all devices."""

METADATA = "metadata"
"""Key under which `read_weights` returns the metadata of a safetensors file."""


def read_weights(path: Path) -> Any:
    """Read a weights file, memory-mapped where the format allows.

    Returns:
        A tensor, or nested dicts of tensors and plain values.

    Raises:
        ModelError: the file is missing, damaged, of an unknown format, or a pickle that would run code.
    """
    try:
        if path.exists() and not path.is_file():
            raise ModelError(f"{path}: not a regular file; check the path")
        with path.open("rb") as file:
            head = file.read(32)
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: cannot be read: {reason(error)}; check the path") from error
    if head.startswith(b"PK"):
        _check_archive(path)
        content = _load_torch(path, mmap=True)
    elif head.startswith(_LEGACY_HEAD):
        content = _load_torch(path, mmap=False)
    elif head.startswith(b"\x93NUMPY"):
        content = _load_numpy(path)
    elif head[8:9] == b"{":
        content = _load_safetensors(path)
    else:
        raise _unknown_format(path, head)
    _check_tensors(path, content)
    return content


def _tensors_in(content: Any) -> Iterator[Tensor]:
    """Yield all tensors in the nested dicts that `read_weights` returns."""
    stack, visited = [content], set()
    while stack:
        value = stack.pop()
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, dict) and id(value) not in visited:  # a pickled dict may contain itself
            visited.add(id(value))
            stack += reversed(value.values())


def is_page(head: bytes) -> bool:
    """Return whether a file that starts with these bytes is a web page."""
    return head.removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"<")


def _check_archive(path: Path) -> None:
    """Check a zip file's entries. Raises ModelError if it is damaged, compressed, or unpacks to more than its size."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except Exception as error:  # a damaged archive fails in many ways
        raise ModelError(f"{path}: damaged or truncated ({reason(error)}); download or copy it again") from error
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise ModelError(f"{path}: a compressed archive, not a PyTorch checkpoint; use the published file")
    if sum(entry.file_size for entry in entries) > path.stat().st_size:
        raise ModelError(f"{path}: truncated, its entries are larger than the file; download or copy it again")


def _load_torch(path: Path, mmap: bool) -> Any:
    try:
        # e4e checkpoints store their options in an argparse.Namespace, which contains no code.
        with torch.serialization.safe_globals([argparse.Namespace]), warnings.catch_warnings(action="ignore"):
            return torch.load(path, map_location="cpu", mmap=mmap, weights_only=True)
    except Exception as error:  # a malformed pickle can raise any exception
        blocked = re.search(r"GLOBAL (\S+)", str(error))
        if blocked is not None:
            raise ModelError(
                f"{path}: not loaded, because it would run code ({blocked[1]}); "
                "save only its state dict, or use safetensors"
            ) from error
        cause = unpickling_reason(error)
        raise ModelError(f"{path}: not a valid PyTorch checkpoint ({cause}); download or copy it again") from error


def unpickling_reason(error: Exception) -> str:
    """Return a short reason why `torch.load` failed; its own message on unsafe files is a page long."""
    if isinstance(error, pickle.UnpicklingError):
        return "it contains more than tensors and plain values"
    return reason(error)


def _load_numpy(path: Path) -> Tensor:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
        if array.dtype.kind != "f":
            raise ValueError(f"its type is {array.dtype}")
        if array.size > 1 << 24:
            raise ValueError(f"its shape is {array.shape}")
        return torch.from_numpy(np.array(array, dtype=np.float32))
    except Exception as error:  # the header is parsed as a Python literal, which can raise any exception
        raise ModelError(f"{path}: not a floating-point array ({reason(error)}); export it again") from error


def _load_safetensors(path: Path) -> dict[str, Any]:
    try:
        with safe_open(path, framework="pt") as file:
            content: dict[str, Any] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return content | {METADATA: file.metadata() or {}}
    except Exception as error:  # the header may name types that PyTorch does not have
        raise ModelError(
            f"{path}: not a valid safetensors file ({reason(error)}); download or copy it again"
        ) from error


def _unknown_format(path: Path, head: bytes) -> ModelError:
    if is_page(head):
        return ModelError(
            f"{path}: a web page, not weights (for example a quota message of the download server); "
            "open the address in a browser and save the file itself"
        )
    imports = _imports_of_pickle(path)
    if any(name.split(".")[0] in ("dnnlib", "torch_utils", "legacy") for name in imports):
        return ModelError(
            f"{path}: not loaded, because NVIDIA's .pkl files contain code; on a machine that may run it, convert the "
            "file to a .pt (g_ema) with convert_weight.py of rosinality/stylegan2-pytorch, then import that"
        )
    if imports:
        return ModelError(
            f"{path}: not loaded, because this Python pickle would run code ({', '.join(imports[:3])}); "
            "save its state dict with torch.save, or use safetensors"
        )
    if not head:
        return ModelError(f"{path}: the file is empty; download or copy it again")
    return ModelError(f"{path}: unknown file format; use a .pt, .pth, .pth.tar, .npy or .safetensors file")


def _imports_of_pickle(path: Path) -> list[str]:
    """List the first names that a pickle would import, without unpickling it. Empty if it is not a pickle."""
    names: list[str] = []
    strings: list[str] = []
    try:
        with path.open("rb") as file:
            for opcode, argument, _ in itertools.islice(pickletools.genops(file), 10_000):
                if opcode.name == "STACK_GLOBAL":
                    names.append(".".join(strings[-2:]))
                elif opcode.name in ("GLOBAL", "INST"):
                    names.append(str(argument).replace(" ", "."))
                elif isinstance(argument, str):
                    strings.append(argument)
    except Exception:  # not a pickle, or a malformed one, which can raise any exception
        return names
    return names


def _check_tensors(path: Path, content: Any) -> None:
    total = 0
    for tensor in _tensors_in(content):
        if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_meta or tensor.is_complex():
            raise ModelError(f"{path}: contains sparse, quantized, complex or meta tensors; use the published file")
        if tensor.dtype not in _SUPPORTED_DTYPES:
            raise ModelError(f"{path}: contains numbers of type {tensor.dtype}; export them as float32")
        total += tensor.numel() * tensor.element_size()
    if total > path.stat().st_size + _MAX_EXCESS_BYTES:
        raise ModelError(f"{path}: its tensors take {total:,} bytes, more than the file; use the published file")
