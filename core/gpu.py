"""CUDA as this program uses it: devices, generators, pinned memory, copies beside the computation, and the driver.

Nothing else calls torch.cuda, pinned memory or NVML, so that tests can put a simulated GPU in the place of these few
functions. Torch is imported inside them, as the load of a machine is read without it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import Tensor


def count() -> int:
    """Number of GPUs that this process can use."""
    import torch

    return torch.cuda.device_count()


def name(device: "torch.device") -> str:
    """Name of a GPU, as its maker gives it."""
    import torch

    return torch.cuda.get_device_name(device)


def uuid(device: "torch.device") -> str:
    """UUID of a GPU without its prefix; its number if torch does not know it."""
    import torch

    return str(getattr(torch.cuda.get_device_properties(device), "uuid", device.index))


def total_memory(device: "torch.device") -> int:
    """Bytes of memory of a GPU."""
    import torch

    return int(torch.cuda.get_device_properties(device).total_memory)


def free_memory(device: "torch.device") -> int:
    """Bytes of memory of a GPU that no process uses."""
    import torch

    return torch.cuda.mem_get_info(device)[0]


def release_memory() -> None:
    """Give back memory that torch keeps for later."""
    import torch

    torch.cuda.empty_cache()


def wait(device: "torch.device") -> None:
    """Wait until a GPU has done all that it was given."""
    import torch

    torch.cuda.synchronize(device)


def computes_bf16(device: "torch.device") -> bool:
    """Whether a GPU computes in bfloat16 without emulation."""
    import torch

    with torch.cuda.device(device):
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))


def generator(device: "torch.device") -> "torch.Generator":
    """Make a random generator on a GPU."""
    import torch

    return torch.Generator(device)


def global_generator(device: "torch.device") -> "torch.Generator":
    """The generator of a GPU that layers such as dropout use."""
    import torch

    torch.cuda.init()  # without it, there are no global generators yet
    return torch.cuda.default_generators[torch.cuda.current_device() if device.index is None else device.index]


def pinned(shape: Sequence[int], dtype: "torch.dtype", device: "torch.device") -> "Tensor":
    """Make a tensor in main memory from which a GPU copies by itself; its values are arbitrary."""
    import torch

    with torch.cuda.device(device):
        return torch.empty(tuple(shape), dtype=dtype, pin_memory=True)


def upload(tensor: "Tensor", device: "torch.device") -> "Tensor":
    """Copy a tensor from main memory to a GPU without waiting for either."""
    return tensor.pin_memory().to(device, non_blocking=True)


@dataclass(frozen=True, slots=True)
class Sent:
    """A tensor on its way to a GPU, and the event of its arrival."""

    tensor: "Tensor"
    arrived: "torch.cuda.Event"


class Courier:
    """Copies tensors to a GPU on a stream of its own, in parallel with what the GPU computes; for any thread.

    Args:
        device: the GPU.
    """

    def __init__(self, device: "torch.device") -> None:
        import torch

        self._device = device
        self._stream = torch.cuda.Stream(device)

    def send(self, host: "Tensor") -> Sent:
        """Begin to copy a pinned tensor."""
        import torch

        with torch.cuda.device(self._device), torch.cuda.stream(self._stream):
            return Sent(host.to(self._device, non_blocking=True), self._stream.record_event())

    def receive(self, sent: Sent) -> "Tensor":
        """Return the copy, for the stream that computes: the GPU waits for it, and this thread does not."""
        import torch

        now = torch.cuda.current_stream(self._device)
        now.wait_event(sent.arrived)
        sent.tensor.record_stream(now)
        return sent.tensor


def nvml() -> Any:
    """Start NVML and return its module; without a working driver, that raises various errors, including OSError."""
    import pynvml

    pynvml.nvmlInit()
    return pynvml
