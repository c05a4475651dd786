"""Choice of the device and number format of the networks."""

import torch

from facevid.errors import UsageError
from facevid.utils.cores import core_count


def choose_device(name: str) -> str:
    """Return the PyTorch name of the device for `auto`, `cpu`, `cuda` or `cuda:N`.

    Raises:
        UsageError: the machine has no such device.
    """
    available = [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    if name == "auto":
        return available[0] if available else "cpu"
    device = "cuda:0" if name == "cuda" else name
    if device != "cpu" and device not in available:
        raise UsageError(f"--device {name} does not exist; this machine has {', '.join(['cpu', *available])}")
    return device


def fastest_precision(device: str) -> str:
    """Return the number format in which a device computes fastest: "bfloat16" if it has instructions for it.

    CPUs without them compute bfloat16 convolutions more slowly than float32.
    """
    if device.startswith("cuda"):
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float16"
    capabilities = torch.cpu.get_capabilities()
    return "bfloat16" if capabilities.get("avx512_bf16") or capabilities.get("amx_bf16") else "float32"


def limit_threads(count: int) -> None:
    """Limit the threads of networks on the CPU to `count` in all of this process."""
    torch.set_num_threads(max(min(count, core_count()), 1))


def training_dtype(device: str) -> torch.dtype:
    """Return the number format for training on a device: bfloat16 if the hardware supports it, else float32.

    On a CPU without AVX-512, convolutions in bfloat16 were measured to be 10 to 30 times slower than in float32.
    """
    if device.startswith("cuda"):
        return torch.bfloat16
    return torch.bfloat16 if torch.backends.cpu.get_cpu_capability().startswith("AVX512") else torch.float32
