"""Networks of torchvision through the whole method, on photographs in a folder: real weights, and every convolution."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torchvision.models import get_model

from core.artifacts import MODEL
from core.events import Logged
from core.runs.folder import RunFolder
from tests.data.photo_lab import waterbirds
from tests.engine.lab import events
from tests.experiments.photo_runs import photo_run

MOBILENET = Path(__file__).parents[3] / "shared" / "data" / "weights" / "mobilenet_v2-b0353104.pth"


@pytest.fixture(scope="module")
def birds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return waterbirds(tmp_path_factory.mktemp("waterbirds"), n=40)


def masked_layers(name: str, folder: RunFolder) -> dict[str, Tensor]:
    """Masks of a run, seen to be those of every convolution and linear layer of the plain network, which holds them."""
    masks = load_file(folder.artifacts("finetune") / "masks.safetensors")
    plain = get_model(name, num_classes=2)
    plain.load_state_dict(load_file(folder.artifacts("finetune") / MODEL))
    layers = {n: m for n, m in plain.named_modules() if isinstance(m, nn.Conv2d | nn.Linear)}
    assert masks.keys() == {f"{n}.weight" for n in layers}
    for n, layer in layers.items():
        assert not layer.weight[~masks[f"{n}.weight"]].any()
    kept = sum(mask.sum().item() for mask in masks.values())
    assert folder.record().stage("finetune").keep_ratio == kept / sum(m.weight.numel() for m in layers.values())
    assert not all(mask.all() for mask in masks.values()), "something is pruned"
    return masks


@pytest.mark.skipif(not MOBILENET.exists(), reason="needs the published weights of MobileNetV2")
def test_mobilenet_goes_from_its_published_weights_through_the_method_depthwise_convolutions_and_all(home, birds):
    network = ("model.name=mobilenet_v2", f"model.weights={MOBILENET}", "erm.lr=1e-12")
    folder = photo_run(home, "prusc", birds, *network, data="waterbirds")
    published = torch.load(MOBILENET, weights_only=True)
    started = load_file(folder.artifacts("erm") / MODEL)
    for name, tensor in published.items():
        if name.endswith("weight") and not name.startswith("classifier"):
            torch.testing.assert_close(started[name], tensor)  # at that rate they stay what they were
    assert started["classifier.1.weight"].shape == (2, 1280)
    assert any("the head 'classifier.1' starts fresh" in e.text for e in events(folder) if isinstance(e, Logged))
    features = load_file(folder.artifacts("represent") / "features-1.safetensors")["features"]
    assert features.shape == (24, 1280)
    assert (features.std(0) > 0).sum() > 100, "images differ in many of the features that were learned"
    masks = masked_layers("mobilenet_v2", folder)
    depthwise = {name: mask for name, mask in masks.items() if mask.dim() == 4 and mask.shape[1:] == (1, 3, 3)}
    assert len(depthwise) == 17
    assert sum((~mask).sum().item() for mask in depthwise.values()) > 0
    assert folder.record().final_evaluation("test")["groups"]


def test_resnet_is_masked_in_every_convolution_of_every_block(home, birds, tmp_path):
    torch.manual_seed(0)
    file = tmp_path / "resnet18.pth"
    torch.save({"model": get_model("resnet18", num_classes=2).state_dict()}, file)
    folder = photo_run(
        home,
        "prusc",
        birds,
        "model.name=resnet18",
        f"model.checkpoint={file}",
        "prune.steps=1",
        "prune.lr=3",
        data="waterbirds",
    )
    masks = masked_layers("resnet18", folder)
    last = [name for name in masks if name.endswith("conv2.weight")]
    assert len(last) == 8
    assert all(0 < masks[name].float().mean() < 1 for name in last)
