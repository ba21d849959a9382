"""A network as ONNX, for programs without torch; it includes normalisation and takes pixels in [0, 1]."""

import contextlib
import io
import logging
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from core.errors import InputError
from core.tensors import load_tensors
from experiments.description import Description
from experiments.network import all_logits, network_of

INPUT, OUTPUT = "pixels", "logits"
"""`pixels`: float32 [n, channels, height, width] in [0, 1], any n; `logits`: float32 [n, labels]."""


def need_onnx() -> None:
    """Raise InputError unless the packages for torch's export are installed."""
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError:
        raise InputError("--onnx needs onnx and onnxscript: install prusc-tui[onnx]") from None


def write_onnx(weights: Path, about: Description, to: Path) -> None:
    """Write a network with its normalisation as one ONNX file, from its tensors in safetensors.

    The properties of the file name the labels, the network and its input size. Raises InputError if a package is
    missing, and OSError if the file cannot be written.
    """
    need_onnx()
    network = network_of(about)
    network.load_state_dict(load_tensors(weights))
    whole = _Normalised(network, about).eval()
    example = torch.zeros(2, about.channels, *about.crop)  # a batch of 1 would become a constant
    # The exporter prints its steps, and logs about operators that are not used.
    quiet = logging.getLogger("torch.onnx")
    level = quiet.level
    quiet.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                whole,
                (example,),
                input_names=[INPUT],
                output_names=[OUTPUT],
                dynamic_shapes={INPUT: {0: torch.export.Dim("n", min=1)}},
                dynamo=True,
                verbose=False,
            )
    finally:
        quiet.setLevel(level)
    assert program is not None  # as no file was named
    program.model.metadata_props.update(_properties(about))
    program.save(to)


class _Normalised(nn.Module):
    """Pixels in [0, 1] in, logits of all labels out."""

    def __init__(self, network: nn.Module, about: Description) -> None:
        super().__init__()
        plain: Callable[[], nn.Module] | None = getattr(network, "plain", None)
        self.network = network if plain is None else plain()
        self.outputs = about.outputs
        self.mean, self.std = (nn.Buffer(torch.tensor(t).view(1, -1, 1, 1)) for t in (about.mean, about.std))

    def forward(self, pixels: Tensor) -> Tensor:
        return all_logits(self.network, (pixels - self.mean) / self.std, self.outputs)


def _properties(about: Description) -> Mapping[str, str]:
    size = "×".join(map(str, about.crop))
    return {
        "network": about.network,
        "labels": "\n".join(about.labels),
        "input": f"float32 [n, {about.channels}, {size}] in [0, 1]; the network normalises",
        "output": "a logit for every label, in the order of labels",
    }
