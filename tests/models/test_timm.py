import sys

import pytest
import torch

from core.config import Model
from core.errors import InputError
from core.models import timm
from core.models.names import in_python
from core.models.networks import build, check_name, outline
from core.models.representation import Representation
from core.models.weights import identity, start_from


@pytest.fixture(scope="module", autouse=True)
def library():
    """timm, which takes seconds to import."""
    return pytest.importorskip("timm", reason="the extra 'timm' is not installed")


@pytest.mark.parametrize(("name", "size"), [("timm/resnet10t", 64), ("timm/vit_tiny_patch16_224", 64)])
def test_a_network_of_timm_has_a_representation_and_as_many_logits_as_labels(name, size):
    network = build(name, 3, channels=3, size=(size, size)).eval()
    logits, found = Representation(network)(torch.rand(2, 3, size, size))
    assert logits.shape == (2, 3)
    assert found.dim() == 2


def test_it_takes_as_many_channels_as_the_images_have():
    assert build("timm/resnet10t", 2, channels=1, size=(32, 32))(torch.rand(2, 1, 32, 32)).shape == (2, 2)


def test_its_outline_has_no_weights():
    assert {p.device.type for p in outline("timm/resnet10t", 2).parameters()} == {"meta"}


def test_the_expression_for_it_makes_the_same_layers(library):
    made = eval(in_python("timm/vit_tiny_patch16_224", 3, 3, (64, 64), 0), {"timm": library})
    same = build("timm/vit_tiny_patch16_224", 3, channels=3, size=(64, 64))
    assert {k: v.shape for k, v in made.state_dict().items()} == {k: v.shape for k, v in same.state_dict().items()}


def test_an_unknown_one_is_named_with_the_nearest():
    with pytest.raises(InputError, match="unknown network 'timm/resnet19'; did you mean 'timm/resnet18'"):
        check_name("timm/resnet19")


def test_without_timm_it_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(InputError, match=r"pip install 'prusc-tui\[timm\]'"):
        check_name("timm/resnet18")


def test_published_weights_are_identified_by_their_tag():
    assert identity(Model(name="timm/resnet18", weights="imagenet")) == "timm/resnet18.a1_in1k"


def test_published_weights_for_other_pixels_are_refused():
    with pytest.raises(InputError, match="expect images with mean"):
        timm.published("timm/vit_tiny_patch16_224")


def test_published_weights_are_loaded_but_for_the_head(library, monkeypatch):
    theirs = library.create_model("resnet10t")
    real = library.create_model
    monkeypatch.setattr(
        library, "create_model", lambda name, pretrained=False, **more: theirs if pretrained else real(name, **more)
    )
    monkeypatch.setattr(timm, "published", lambda name: "resnet10t.tag")
    network, said = build("timm/resnet10t", 2, size=(64, 64)), []
    head = network.fc.weight.clone()
    start_from(network, Model(name="timm/resnet10t", weights="imagenet"), said.append)
    assert said == ["the network starts from timm's weights resnet10t.tag"]
    assert torch.equal(network.fc.weight, head)
    ours, published = network.state_dict(), theirs.state_dict()
    assert all(torch.equal(value, published[key]) for key, value in ours.items() if not key.startswith("fc."))


def test_published_weights_that_cannot_be_had_are_said(library, monkeypatch):
    def refuse(name, pretrained=False, **more):
        raise OSError("no network")

    network = build("timm/resnet18", 2, size=(64, 64))
    monkeypatch.setattr(library, "create_model", refuse)
    with pytest.raises(InputError, match=r"cannot be downloaded \(OSError\); pass a file with --weights"):
        start_from(network, Model(name="timm/resnet18", weights="imagenet"), print)
