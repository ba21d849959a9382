"""A trial on the device: is bf16 faster than fp32? It uses its own network and images, so that it changes no result."""

import gc
import math
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

import torch
import torch.nn.functional as F

from core import gpu
from core.config import Config
from core.data.dataset import DataSet
from core.errors import StageError
from core.training.images import seen_shape
from core.training.memory import out_of_memory
from core.training.network import new_network
from core.training.precision import Precision

WORTH = 0.9
"""bf16 is taken if a step takes at most this share of the time (ours): a smaller gain may be noise."""
HOPELESS = 2.0
"""The trial ends when bf16 takes this many times as long: where a CPU has no units for it, it takes ten times."""
FEW = 2
"""Images of the first attempt on a CPU, on which a whole batch may take minutes in bf16."""
MOST = 32
"""Images of a step at most on a CPU, where more of them do not change the ratio."""
LEAST = 2
"""Images of a step at least, for BatchNorm."""
ROUNDS = 4
"""Steps in each precision, without the first one, which also warms up."""
BUDGET = 10.0
"""Seconds after which no more steps begin."""


@dataclass(frozen=True, slots=True)
class Trial:
    """Seconds of a training step in each precision; infinite if the device cannot compute in it.

    Attributes:
        images: of a step.
    """

    fp32: float
    bf16: float
    images: int

    @property
    def faster(self) -> str:
        """The precision to take."""
        return "bf16" if math.isfinite(self.bf16) and self.bf16 <= WORTH * self.fp32 else "fp32"

    def line(self) -> str:
        """The measurement as a sentence."""
        if math.isinf(self.fp32):
            return "there was no memory for a trial"
        if math.isinf(self.bf16):
            return "this device cannot compute this network in bf16"
        fp32, bf16 = (f"{1e3 * seconds:,.1f} ms" for seconds in (self.fp32, self.bf16))
        return f"a training step with {self.images} images takes {bf16} in bf16 and {fp32} in fp32"


def try_precisions(config: Config, data: DataSet, device: torch.device, batch_size: int) -> Trial:
    """Time training steps in fp32 and bf16, for seconds at most unless a single step takes longer.

    Random streams, weights and statistics of a run are not touched: network and images are drawn here, and torch's
    global generators are restored.

    Args:
        config: of the run, for its network.
        data: for the shape of its images.
        device: free for the trial.
        batch_size: images per step; fewer are used on a CPU, and where memory runs out.
    """
    cuda = device.type == "cuda"
    sizes = [max(LEAST, size) for size in ([batch_size] if cuda else [min(FEW, batch_size), min(MOST, batch_size)])]
    with torch.random.fork_rng([device] if cuda else []):
        network = new_network(config.model, data).to(device).train()
        steps = {name: _step_of(network, config, data, device, name) for name in ("fp32", "bf16")}
        found = _fitting(steps, sizes[0])
        for size in sizes[1:]:
            if found.bf16 < HOPELESS * found.fp32:
                found = _fitting(steps, size)
    if cuda:
        gpu.release_memory()  # what is free decides where images are kept
    return found


Step = Callable[[int], float]
"""Takes a step with so many images, and returns its seconds."""


def _fitting(steps: dict[str, Step], images: int) -> Trial:
    """The race with as many images as there is memory for."""
    while images >= LEAST:
        try:
            return _race(steps, images)
        except RuntimeError as error:
            if not out_of_memory(error):
                raise
        images //= 2  # outside the except block, as the traceback holds the tensors of the failed attempt
        gc.collect()
    return Trial(math.inf, math.inf, images)


def _race(steps: dict[str, Step], images: int) -> Trial:
    """The fastest of several steps in each precision, taken in turn so that other work on the machine falls on both."""
    found = Trial(math.inf, math.inf, images)
    begin = perf_counter()
    for number in range(ROUNDS + 1):
        now = Trial(steps["fp32"](images), steps["bf16"](images), images)
        found = now if number < 2 else Trial(min(found.fp32, now.fp32), min(found.bf16, now.bf16), images)
        if perf_counter() - begin > BUDGET or (number and found.bf16 > HOPELESS * found.fp32):
            break
    return found


def _step_of(network: torch.nn.Module, config: Config, data: DataSet, device: torch.device, name: str) -> Step:
    try:
        precision = Precision(config.compute.model_copy(update={"precision": name}), device)
    except StageError:
        return lambda _: math.inf
    optimizer = torch.optim.SGD(network.parameters(), 1e-3, momentum=0.9)

    def wait() -> None:
        if device.type == "cuda":
            gpu.wait(device)

    def step(n: int) -> float:
        try:
            return timed(n)
        except RuntimeError as error:
            if name == "fp32" or out_of_memory(error):
                raise
            return math.inf  # an operation that does not exist in bf16

    def timed(n: int) -> float:
        images = torch.randn(n, *seen_shape(data), device=device).to(memory_format=torch.channels_last)
        labels = torch.arange(n, device=device) % len(data.label_names)
        wait()
        start = perf_counter()
        optimizer.zero_grad(set_to_none=True)
        with precision.forward():
            logits = network(images)
        F.cross_entropy(logits.float(), labels).backward()
        optimizer.step()
        wait()
        return perf_counter() - start

    return step
