"""Reading files of weights without running anything in them: PyTorch's two formats, safetensors, NumPy."""

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
"""The first pickle of a file that PyTorch wrote before version 1.6: its magic number."""
_SLACK = 64 << 20
"""Bytes by which tensors may exceed their file: a few are stored as one value, repeated."""
_NUMBERS = frozenset(
    {torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8}
    | {torch.uint8, torch.bool}
)
"""Formats of numbers that PyTorch computes with everywhere."""
METADATA = "metadata"
"""The key under which a safetensors file's own text is returned."""


def read_weights(path: Path) -> Any:
    """Read a file of weights: a tensor, or dicts of tensors with a few plain values. Large ones are memory-mapped.

    Raises:
        ModelError: the file is missing, damaged, of no known format, or would run code if it were opened freely.
    """
    try:
        if path.exists() and not path.is_file():
            raise ModelError(f"{path}: no regular file, which weights lie in; check the path")
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


def tensors_in(content: Any) -> Iterator[Tensor]:
    """Yield every tensor of what `read_weights` returns, however deep it lies."""
    waiting, seen = [content], set()
    while waiting:
        value = waiting.pop()
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, dict) and id(value) not in seen:  # a pickle may hold a dict that holds itself
            seen.add(id(value))
            waiting += reversed(value.values())


def is_page(head: bytes) -> bool:
    """Tell by the first bytes whether a file is a web page."""
    return head.removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"<")


def _check_archive(path: Path) -> None:
    """Refuse archives that unpack to more than they are."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except Exception as error:  # a damaged archive fails in many ways
        raise ModelError(f"{path}: damaged or cut short ({reason(error)}); download or copy it again") from error
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise ModelError(f"{path}: its entries are compressed, which no checkpoint's are; use the published file")
    if sum(entry.file_size for entry in entries) > path.stat().st_size:
        raise ModelError(f"{path}: declares more data than it holds; download or copy it again")


def _load_torch(path: Path, mmap: bool) -> Any:
    try:
        # argparse.Namespace holds no code; e4e's files keep their options in one.
        with torch.serialization.safe_globals([argparse.Namespace]), warnings.catch_warnings(action="ignore"):
            return torch.load(path, map_location="cpu", mmap=mmap, weights_only=True)
    except Exception as error:  # a hand-made pickle can fail in any way
        blocked = re.search(r"GLOBAL (\S+)", str(error))
        if blocked is not None:
            raise ModelError(
                f"{path}: refused: opening it would run code ({blocked[1]}), and weights need none; "
                "save its state dict alone, or use safetensors"
            ) from error
        why = unpickling_reason(error)
        raise ModelError(f"{path}: not a whole PyTorch checkpoint ({why}); download or copy it again") from error


def unpickling_reason(error: Exception) -> str:
    """Say in a few words why PyTorch did not read a file; of unsafe ones its own message is a page long."""
    return "it holds more than tensors and plain values" if isinstance(error, pickle.UnpicklingError) else reason(error)


def _load_numpy(path: Path) -> Tensor:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
        if array.dtype.kind != "f":
            raise ValueError(f"it holds {array.dtype}")
        if array.size > 1 << 24:
            raise ValueError(f"its shape is {array.shape}")
        return torch.from_numpy(np.array(array, dtype=np.float32))
    except Exception as error:  # its header is parsed as Python, which can fail in any way
        raise ModelError(f"{path}: not an array of plain numbers ({reason(error)}); export it again") from error


def _load_safetensors(path: Path) -> dict[str, Any]:
    try:
        with safe_open(path, framework="pt") as file:
            content: dict[str, Any] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return content | {METADATA: file.metadata() or {}}
    except Exception as error:  # PyTorch may not know what the file's header says
        raise ModelError(
            f"{path}: not a whole safetensors file ({reason(error)}); download or copy it again"
        ) from error


def _unknown_format(path: Path, head: bytes) -> ModelError:
    if is_page(head):
        return ModelError(
            f"{path}: a web page, not weights (a file share's notice, such as quota exceeded); "
            "open the address in a browser and save the file itself"
        )
    named = _names_in_pickle(path)
    if any(name.split(".")[0] in ("dnnlib", "torch_utils", "legacy") for name in named):
        return ModelError(
            f"{path}: refused: NVIDIA's .pkl networks contain code; convert it to a .pt of tensors (g_ema) with "
            "convert_weight.py of rosinality/stylegan2-pytorch, on a machine that may run it, then import that"
        )
    if named:
        return ModelError(
            f"{path}: refused: a Python pickle, and opening it would run code ({', '.join(named[:3])}); "
            "save its state dict with torch.save, or use safetensors"
        )
    if not head:
        return ModelError(f"{path}: an empty file; download or copy it again")
    return ModelError(f"{path}: of no known format; .pt, .pth, .pth.tar, .npy and .safetensors are read")


def _names_in_pickle(path: Path) -> list[str]:
    """List the first few things that a pickle would import, without unpickling. Empty where it is no pickle."""
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
    except Exception:  # a hand-made one can fail in any way
        return names  # not a pickle, or damaged: what was seen so far tells
    return names


def _check_tensors(path: Path, content: Any) -> None:
    total = 0
    for tensor in tensors_in(content):
        if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_meta or tensor.is_complex():
            raise ModelError(f"{path}: holds tensors that are not plain arrays; use the published file")
        if tensor.dtype not in _NUMBERS:
            raise ModelError(f"{path}: holds numbers as {tensor.dtype}; export them as float32")
        total += tensor.numel() * tensor.element_size()
    if total > path.stat().st_size + _SLACK:
        raise ModelError(f"{path}: its tensors would take {total:,} bytes, more than the file; use the published file")
