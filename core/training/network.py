"""Build networks for a data set, with fresh weights or those of a file."""

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from core.config import Model
from core.data.dataset import DataSet
from core.events import Logged
from core.models.networks import build
from core.models.weights import start_from
from core.tensors import load_tensors
from core.training.images import seen_shape

if TYPE_CHECKING:
    from core.engine.context import StageContext


def new_network(model: Model, data: DataSet) -> nn.Module:
    """Build the network for a data set, with random weights from torch's global generator."""
    channels, height, width = seen_shape(data)
    network = build(model.name, len(data.label_names), channels, (height, width))
    return network.to(memory_format=torch.channels_last)


def fresh_network(context: "StageContext", model: Model) -> nn.Module:
    """Build the network of a stage that trains it from scratch, with its initial weights, on the device."""
    network = new_network(model, context.data)
    if not context.resumes:  # the checkpoint has the weights
        start_from(network, model, lambda line: context.emit(Logged(line)))
    return network.to(context.device)


def load_network(model: Model, data: DataSet, file: Path, device: torch.device) -> nn.Module:
    """Build the network with the weights of a file, on `device`, in evaluation mode."""
    network = new_network(model, data)
    network.load_state_dict(load_tensors(file))
    return network.to(device).eval()
