"""Build networks for a data set, with fresh weights or those of a file."""

from pathlib import Path

import torch
from torch import nn

from core.config import Model
from core.data.dataset import DataSet
from core.models.networks import build
from core.tensors import load_tensors
from core.training.images import seen_shape


def new_network(model: Model, data: DataSet) -> nn.Module:
    """Build the network for a data set, with random weights from torch's global generator."""
    channels, height, width = seen_shape(data)
    network = build(model.name, len(data.label_names), channels, (height, width))
    return network.to(memory_format=torch.channels_last)


def load_network(model: Model, data: DataSet, file: Path, device: torch.device) -> nn.Module:
    """Build the network with the weights of a file, on `device`, in evaluation mode."""
    network = new_network(model, data)
    network.load_state_dict(load_tensors(file))
    return network.to(device).eval()
