"""A GPU that is simulated on the CPU: tensors on `cuda:0` with values, under the rules of a real one.

`OnGpu` is a tensor whose device is `cuda:0` and whose values are on the CPU. A mode sees every operation of torch, and
so does every such tensor: tensors of two devices do not mix, random numbers need a generator of the device, and inside
of a `step` nothing may wait for the GPU. What the program asks of CUDA itself (`core.gpu`) is answered by `FakeGpu`.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import ClassVar
from unittest.mock import patch

import torch
from torch import Tensor
from torch.library import Library, fallthrough_kernel
from torch.utils import backend_registration
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map, tree_unflatten

from core import gpu
from core.training.precision import Precision

GPU = torch.device("cuda", 0)
BACKEND = "simulated"
"""What torch itself calls the device; what the program sees is `GPU`."""
HALVES = (torch.bfloat16, torch.float16)
POSSIBLE = hasattr(backend_registration, "_setup_privateuseone_for_python_backend")
"""Whether this torch has devices that are written in Python; early versions have none."""
aten = torch.ops.aten

PRODUCTS = {aten.mm, aten.addmm, aten.bmm, aten.baddbmm, aten.convolution}
"""Operations that mixed precision computes in half precision."""
HALVED = ("linear", "matmul", "mm", "bmm", "addmm", "baddbmm", "addmv", "mv", "conv2d", "convolution", "_convolution")
"""What mixed precision computes in half precision on CUDA, as far as networks here use it."""
FULL = ("log_softmax.int", "softmax.int", "cross_entropy_loss", "nll_loss", "binary_cross_entropy_with_logits")
FULL += ("logsumexp", "exp", "log", "log1p", "rsqrt", "reciprocal", "sum", "sum.dim_IntList", "cumsum", "prod", "cdist")
FULL += ("layer_norm", "group_norm", "norm.Scalar", "norm.ScalarOpt_dim", "mse_loss", "softplus", "kl_div")
"""What it computes in single precision."""
EXACT = {aten._log_softmax, aten._softmax, aten.nll_loss_forward, aten.binary_cross_entropy_with_logits, aten.logsumexp}
"""Operations of losses, which half precision would spoil."""
INDEXED = {aten.index, aten.index_put, aten.index_put_, aten._index_put_impl_}
"""Operations with a list of indices, which may be masks."""
CHECKED_ON_THE_HOST = {
    *(aten.multinomial, aten.linalg_lstsq),
    *(aten._linalg_svd, aten._linalg_eigh, aten._linalg_check_errors),
}
"""Operations that read their result from a GPU without saying so in their tags."""


class Waits(AssertionError):
    """Inside of a step, something waits for the GPU."""


class Mixed(RuntimeError):
    """An operation has tensors of two devices, or a generator of another device."""


class Imprecise(AssertionError):
    """Mixed precision computes something in the wrong type."""


@dataclass
class _State:
    """Where the program is: in a step, in a forward pass of mixed precision; and what is done to spoil a step."""

    step: bool = False
    halved: bool = False
    operations: int = 0
    spoil: Callable[[Tensor], object] | None = None
    spoil_at: int = 0
    found: list[Exception] = field(default_factory=list)
    """What is wrong in backward passes, from which torch lets no error of Python out, and in steps that are spoiled."""


_state = _State()


class OnGpu(torch.Tensor):
    """A tensor on the simulated GPU; `host` has its values."""

    host: Tensor
    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, real):
        made = torch.Tensor._make_wrapper_subclass(
            cls,
            real.size(),
            strides=real.stride(),
            storage_offset=real.storage_offset(),
            dtype=real.dtype,
            layout=real.layout,
            device=torch.device(BACKEND, 0),
        )
        made.host = real
        return made

    @property
    def device(self):
        return GPU

    @property
    def is_cuda(self):
        return True

    def tolist(self):
        return self.cpu().tolist()

    def __deepcopy__(self, memo):
        copied = OnGpu(self.host.clone()).requires_grad_(self.requires_grad)
        if getattr(self, "_is_param", False):
            copied._is_param = True
        memo[id(self)] = copied
        return copied

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return _compute(func, args, kwargs or {})


class _Mode(TorchDispatchMode):
    """Sees what begins without a tensor on the GPU: new tensors, and copies."""

    # With the key of torch's fake tensors, torch does not start CUDA when a tensor is asked for on it.
    _mode_key = torch._C._TorchDispatchModeKey.FAKE

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return _compute(func, args, kwargs or {})


class GpuGenerator(torch.Generator):
    """A generator that says it is on the GPU; it draws what one of the CPU with the same seed does."""

    device = GPU
    numbers: ClassVar[set[int]] = set()
    """What torch knows them by, as it hands over another object of Python for the same generator."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers.add(self._cdata)

    def __del__(self) -> None:
        self.numbers.discard(self._cdata)


class FakeGpu:
    """What `core.gpu` is asked, answered for one simulated GPU.

    Args:
        free: bytes of memory that are free; with few of them, images stay in main memory and travel.
    """

    def __init__(self, free: int = 64 << 30) -> None:
        self._free = free
        self._global = GpuGenerator()

    def count(self):
        return 1

    def name(self, device):
        return "simulated GPU"

    def uuid(self, device):
        return "5eeded"

    def total_memory(self, device):
        return 64 << 30

    def free_memory(self, device):
        return self._free

    def release_memory(self):
        pass

    def wait(self, device):
        pass

    def computes_bf16(self, device):
        return True

    def generator(self, device):
        return GpuGenerator()

    def global_generator(self, device):
        return self._global

    def pinned(self, shape, dtype, device):
        return torch.empty(tuple(shape), dtype=dtype)

    def upload(self, tensor, device):
        return OnGpu(tensor.clone())

    def nvml(self):
        raise OSError("there is no driver")

    class Courier:
        """Copies arrive when they are received, not earlier."""

        def __init__(self, device):
            self._device = device

        def send(self, host):
            return gpu.Sent(host.clone(), None)

        def receive(self, sent):
            return OnGpu(sent.tensor)


ASKED = ("count", "name", "uuid", "total_memory", "free_memory", "release_memory", "wait", "computes_bf16")
ASKED += ("generator", "global_generator", "pinned", "upload", "Courier", "nvml")
"""Names in `core.gpu` that `FakeGpu` answers."""


def _in_half_precision(value):
    fits = isinstance(value, Tensor) and value.is_floating_point() and value.dtype != torch.float64
    return value.to(torch.get_autocast_dtype(BACKEND)) if fits else value


def _in_full_precision(value):
    return value.float() if isinstance(value, Tensor) and value.dtype in HALVES else value


def _cast(operation, how):
    """The operation on tensors of another type, as torch's mixed precision has it for CUDA."""
    skipped = torch._C.DispatchKeySet(torch._C.DispatchKey.AutocastPrivateUse1)

    def cast(*args, **kwargs):
        with torch._C._ExcludeDispatchKeyGuard(skipped):
            return operation(*tree_map(how, args), **tree_map(how, kwargs))

    return cast


def _backend_of(kind: str) -> str:
    return BACKEND if kind == "cuda" else kind


@functools.cache
def _backend() -> tuple[Library, ...]:
    """Give torch a device for wrapped tensors that differentiates and has mixed precision; for the whole process.

    It is not CUDA itself, as backward passes on that ask the driver.
    """
    backend_registration._setup_privateuseone_for_python_backend(BACKEND)
    device = torch.get_device_module(BACKEND)
    device.get_amp_supported_dtype = lambda: list(HALVES)
    device.is_available = lambda: False  # so that torch's fake tensors, in other tests, do not ask the driver
    everything, some = Library("_", "IMPL"), Library("aten", "IMPL")
    everything.fallback(fallthrough_kernel, "AutocastPrivateUse1")
    for names, how in ((HALVED, _in_half_precision), (FULL, _in_full_precision)):
        for name in names:
            packet, _, overload = name.partition(".")
            operation = getattr(getattr(aten, packet), overload or "default")
            some.impl(name, _cast(operation, how), "AutocastPrivateUse1")
    return everything, some


@contextmanager
def simulated(fake: FakeGpu | None = None) -> Iterator[torch.device]:
    """Have one simulated GPU in this thread while the context is open."""
    _backend()
    fake = fake or FakeGpu()
    forward = Precision.forward

    @contextmanager
    def halved(self):
        _state.halved = self._type is not None
        try:
            with forward(self) as inner:
                yield inner
        finally:
            _state.halved = False

    with ExitStack() as stack:
        for name in ASKED:
            stack.enter_context(patch.object(gpu, name, getattr(fake, name)))
        stack.enter_context(patch.object(Precision, "forward", halved))
        # Without these, torch turns mixed precision off where there is no GPU.
        stack.enter_context(patch("torch.cuda.amp.common.amp_definitely_not_available", lambda: False))
        stack.enter_context(patch("torch.cuda.is_bf16_supported", lambda *_, **__: True))
        stack.enter_context(torch.autograd.set_multithreading_enabled(False))
        converted = torch.__future__.get_overwrite_module_params_on_conversion()
        torch.__future__.set_overwrite_module_params_on_conversion(True)  # as a parameter gets another class
        stack.callback(torch.__future__.set_overwrite_module_params_on_conversion, converted)
        before = torch._C._only_lift_cpu_tensors()
        torch._C._set_only_lift_cpu_tensors(True)  # so that torch.tensor(…, device="cuda") is a copy that can be seen
        stack.callback(torch._C._set_only_lift_cpu_tensors, before)
        autocast = torch.autocast
        stack.enter_context(
            patch("torch.autocast", lambda kind, *args, **kwargs: autocast(_backend_of(kind), *args, **kwargs))
        )
        stack.callback(_state.found.clear)
        stack.enter_context(_Mode())
        yield GPU
        _raise_what_was_found()


@contextmanager
def step(spoil: Callable[[Tensor], object] | None = None, at: int = 0) -> Iterator[None]:
    """Inside of this context, nothing may wait for the GPU.

    Args:
        spoil: called with the floating-point result of an operation on the GPU, to see that a mistake is noticed.
        at: number of that operation in the step.
    """
    before = _state.step, _state.spoil
    _state.step, _state.spoil = True, spoil or _state.spoil
    if not before[0]:
        _state.operations, _state.spoil_at = 0, at
    try:
        yield
        _raise_what_was_found()
    finally:
        _state.step, _state.spoil = before
        _state.found.clear()


def _raise_what_was_found():
    if _state.found:
        raise _state.found[0]


def operations() -> int:
    """Number of operations of the last step that can be spoiled."""
    return _state.operations


def _compute(func, args, kwargs):
    flat, spec = tree_flatten((args, kwargs))
    tensors = [value for value in flat if isinstance(value, Tensor)]
    ours = [tensor for tensor in tensors if isinstance(tensor, OnGpu)]
    asked = kwargs.get("device")
    target = None if asked is None else torch.device(asked)
    to_gpu = bool(ours) if target is None else target.type in ("cuda", BACKEND)
    try:
        _check_generator(func, kwargs, to_gpu)
        if not ours and not to_gpu:
            return func(*args, **kwargs)
        _check_devices(func, args, tensors, ours)
        if _state.step:
            _check_waiting(func, args, kwargs)
            _check_types(func, tensors)
    except (Waits, Mixed, Imprecise) as error:
        if _state.spoil is None and torch._C._current_graph_task_id() == -1:
            raise
        _state.found.append(error)
    owners = {id(tensor.host): tensor for tensor in ours}
    given = {id(tensor) for tensor in tensors if not isinstance(tensor, OnGpu)}
    real_args, real_kwargs = tree_unflatten([value.host if isinstance(value, OnGpu) else value for value in flat], spec)
    if to_gpu and target is not None:
        real_kwargs["device"] = "cpu"
    out = func(*real_args, **real_kwargs)

    def wrapped(value):
        if not isinstance(value, Tensor) or value.device.type != "cpu" or id(value) in given or not to_gpu:
            return value
        owner = owners.get(id(value))
        if owner is None:
            return OnGpu(value)
        assert owner.shape == value.shape, f"{func} changes the shape of a tensor, which is not simulated"
        return owner

    out = tree_map(wrapped, out)
    _spoil(out)
    return out


def _spoil(out):
    if not _state.step or not isinstance(out, OnGpu) or not out.is_floating_point():
        return
    spoil, now = _state.spoil, _state.operations
    _state.operations += 1
    if spoil is not None and now == _state.spoil_at:
        spoil(out)


def _check_devices(func, args, tensors, ours):
    others = [tensor for tensor in tensors if not isinstance(tensor, OnGpu)]
    if not others or not ours or func is aten.copy_.default:
        return
    if func.overloadpacket in INDEXED and isinstance(args[0], OnGpu):
        if _state.step and any(index is not None and not isinstance(index, OnGpu) for index in args[1]):
            raise Waits(f"{func} has indices in main memory")
        others = [tensor for tensor in args[2:3] if isinstance(tensor, Tensor) and not isinstance(tensor, OnGpu)]
        if all(tensor.dim() == 0 for tensor in others):
            return
    if not _state.step and all(tensor.dim() == 0 for tensor in others):
        return  # torch takes single numbers from main memory
    found = ", ".join(sorted({str(tensor.device) for tensor in tensors}))
    raise Mixed(f"{func}: expected all tensors to be on the same device, but found {found}")


def _check_generator(func, kwargs, to_gpu):
    generator = kwargs.get("generator")
    if generator is not None and (generator._cdata in GpuGenerator.numbers) != to_gpu:
        raise Mixed(f"{func}: the generator is on another device")


def _check_waiting(func, args, kwargs):
    packet = func.overloadpacket
    if packet in (aten._to_copy, aten.copy_):
        here = (args[1] if packet is aten.copy_ else args[0]).device
        there = torch.device(kwargs.get("device") or args[0].device)
        if (here.type == "cpu") != (there.type == "cpu"):
            raise Waits(f"{func} copies from {here.type} to {there.type}")
        return
    if packet in INDEXED:
        masks = [index for index in args[1] if index is not None and index.dtype in (torch.bool, torch.uint8)]
        filled = packet is not aten.index and len(masks) == len(args[1]) and args[2].numel() == 1
        if masks and not filled:
            raise Waits(f"{func} counts the samples of a mask")
        return
    tags = {torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape}
    if tags & set(func.tags) or packet in CHECKED_ON_THE_HOST:
        raise Waits(f"{func} waits for the GPU")


def _check_types(func, tensors):
    packet, types = func.overloadpacket, {tensor.dtype for tensor in tensors if tensor.is_floating_point()}
    if packet in EXACT and types & set(HALVES):
        raise Imprecise(f"{func} is computed in half precision")
    if _state.halved and packet in PRODUCTS and not types <= set(HALVES):
        raise Imprecise(f"{func} is not computed in half precision")


def item(out: Tensor) -> None:
    """Read a number from the GPU."""
    out.sum().item()


def from_the_cpu(out: Tensor) -> None:
    """Add a tensor that is made on the CPU."""
    out + torch.zeros(out.shape)


SPOILS: Sequence[Callable[[Tensor], object]] = (item, from_the_cpu)
