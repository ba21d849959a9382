"""Named tensors in files."""

import torch
from torch import nn

from core.tensors import load_tensors, save_tensors


def test_a_network_with_a_weight_that_layers_share_is_saved_like_any_other(tmp_path):
    network = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4))
    network[2].weight = network[0].weight
    save_tensors(tmp_path / "model.safetensors", network.state_dict())
    saved = load_tensors(tmp_path / "model.safetensors")
    assert saved.keys() == network.state_dict().keys()
    assert all(torch.equal(saved[name], tensor) for name, tensor in network.state_dict().items())
