"""ONNX: another runtime gives the logits that torch gives, from pixels in [0, 1], for any number of images."""

import sys

import numpy as np
import pytest
import torch
from torch import nn

from core.errors import InputError
from core.models.networks import build
from core.tensors import save_tensors
from experiments.description import Description
from experiments.export.onnx import need_onnx, write_onnx

# name → (outputs, channels, side)
NETWORKS = {"digits-cnn": (3, 3, 28), "mnist-cnn": (1, 2, 28), "resnet18": (2, 3, 32)}
MEAN, STD = (0.3, 0.1, 0.2), (0.2, 0.4, 0.3)


def trained(name, outputs, channels, side):
    """A network whose BatchNorm has seen images: fresh statistics would hide most of what can go wrong."""
    torch.manual_seed(0)
    network = build(name, outputs, channels, (side, side))
    if any(isinstance(module, nn.BatchNorm2d) for module in network.modules()):
        for _ in range(30):
            network(torch.randn(16, channels, side, side))
    return network.eval()


@pytest.mark.parametrize("name", NETWORKS)
def test_another_runtime_gives_the_logits_of_torch(tmp_path, name):
    runtime = pytest.importorskip("onnxruntime")
    outputs, channels, side = NETWORKS[name]
    network = trained(name, outputs, channels, side)
    save_tensors(tmp_path / "model.safetensors", network.state_dict())
    about = Description(
        network=name,
        hidden=390,
        outputs=outputs,
        labels=("a", "b", "c")[: max(outputs, 2)],
        channels=channels,
        stored=(side + 4, side + 4),
        crop=(side, side),
        mean=MEAN[:channels],
        std=STD[:channels],
    )
    write_onnx(tmp_path / "model.safetensors", about, tmp_path / "model.onnx")
    session = runtime.InferenceSession(str(tmp_path / "model.onnx"))
    assert session.get_modelmeta().custom_metadata_map["labels"].split("\n") == list(about.labels)
    mean, std = (torch.tensor(values[:channels]).view(1, -1, 1, 1) for values in (MEAN, STD))
    for n in (1, 7):
        pixels = torch.rand(n, channels, side, side)
        with torch.no_grad():
            wanted = network((pixels - mean) / std)
        if outputs == 1:  # the one logit is that of label 1 against label 0
            wanted = torch.stack([torch.zeros(n), wanted.reshape(n)], dim=1)
        (said,) = session.run(None, {"pixels": pixels.numpy()})
        assert wanted.std() > 1e-3
        np.testing.assert_allclose(said, wanted.numpy(), rtol=1e-4, atol=1e-5)


def test_a_missing_package_is_named_with_what_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(InputError, match=r"onnxscript.*prusc-tui\[onnx\]"):
        need_onnx()
