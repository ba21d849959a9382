"""What a network starts from: torchvision's published weights from the cache on disk, or those of a file."""

from pathlib import Path
from urllib.error import URLError

import pytest
import torch
from torch import nn

from core.config import Model
from core.errors import InputError
from core.models import weights
from core.models.networks import build, outline
from core.models.weights import check_start, identity, start_from

RESNET18 = "resnet18-f37072fd.pth"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of torch's."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    folder = tmp_path / "torch" / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise URLError("no network")

    monkeypatch.setattr("urllib.request.urlopen", unreachable)
    monkeypatch.setattr("torch.hub.urlopen", unreachable)


def published(folder: Path, name: str = "resnet18", file: str = RESNET18) -> nn.Module:
    """A network whose weights lie in the folder as if they had been published: with 1,000 classes."""
    torch.manual_seed(5)
    network = build(name, 1000)
    torch.save(network.state_dict(), folder / file)
    return network


def test_published_weights_come_from_the_cache_and_the_head_is_fresh(cache, offline):
    theirs = published(cache)
    network = build("resnet18", 2)
    head, lines = network.fc.weight.clone(), []
    check_start(outline("resnet18", 2), Model(name="resnet18", weights="imagenet"))
    start_from(network, Model(name="resnet18", weights="imagenet"), lines.append)
    assert torch.equal(network.fc.weight, head)
    left, right = network.state_dict(), theirs.state_dict()
    assert all(torch.equal(left[name], right[name]) for name in right if not name.startswith("fc."))
    assert lines == [f"the network starts from 120 tensors from {cache / RESNET18}; the head 'fc' starts fresh"]


def test_without_file_and_network_one_sentence_names_the_file_the_place_and_the_way_out(cache, offline):
    model = Model(name="resnet18", weights="imagenet")
    for refuse in (
        lambda: check_start(outline("resnet18", 2), model),
        lambda: start_from(build("resnet18", 2), model, lambda _: None),
    ):
        with pytest.raises(InputError) as error:
            refuse()
        assert str(error.value) == (
            f"model.weights = imagenet: torchvision's file {RESNET18} is not in {cache} and cannot be downloaded "
            "from here; put it there, or pass its path with --weights FILE"
        )
    assert list(cache.iterdir()) == []


def test_where_there_is_a_network_a_download_is_said_in_the_log(cache, monkeypatch):
    lines = []

    class Published:
        url = f"https://example.org/models/{RESNET18}"

        def get_state_dict(self, **options: object) -> None:
            assert options == {"progress": False, "check_hash": True, "weights_only": True}
            assert lines, "said before it is done"
            published(cache)

    monkeypatch.setattr(weights, "_published", lambda _: Published())
    start_from(build("resnet18", 2), Model(name="resnet18", weights="imagenet"), lines.append)
    assert lines[0] == f"downloading {RESNET18} into {cache}"
    assert len(lines) == 2


def test_a_damaged_download_is_one_sentence(cache, monkeypatch):
    class Published:
        url = f"https://example.org/models/{RESNET18}"

        def get_state_dict(self, **_: object) -> None:
            raise RuntimeError("invalid hash value")

    monkeypatch.setattr(weights, "_published", lambda _: Published())
    with pytest.raises(InputError, match=f"the download of {RESNET18} was damaged"):
        start_from(build("resnet18", 2), Model(name="resnet18", weights="imagenet"), lambda _: None)


def test_networks_of_our_own_have_no_published_weights(cache, offline):
    with pytest.raises(InputError, match="no published weights of 'digits-cnn'"):
        check_start(outline("digits-cnn", 2), Model(weights="imagenet"))


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("resnet50", "resnet50-0676ba61.pth"),  # not the second recipe, whose file ends in 11ad3fa6
        ("mobilenet_v2", "mobilenet_v2-b0353104.pth"),
        ("vit_h_14", "vit_h_14_lc_swag-c1eb923e.pth"),  # the one for images of 224
    ],
)
def test_the_published_file_is_that_of_the_first_recipe(name, file):
    assert identity(Model(name=name, weights="imagenet")) == file


def test_every_torchvision_network_has_published_weights_by_name():
    from core.models.names import own_names
    from core.models.networks import names

    for name in names():
        if name not in own_names():
            assert identity(Model(name=name, weights="imagenet")).endswith(".pth"), name


def test_a_file_of_ones_own_is_told_by_its_content(tmp_path):
    model = Model(name="resnet18", weights=str(tmp_path / "mine.pth"))
    assert identity(Model()) == identity(model) == ""
    (tmp_path / "mine.pth").write_bytes(b"one")
    (tmp_path / "moved.pth").write_bytes(b"one")
    first = identity(model)
    assert first == identity(Model(name="resnet18", weights=str(tmp_path / "moved.pth"))) != ""
    (tmp_path / "mine.pth").write_bytes(b"two")
    assert identity(model) != first


def test_a_file_that_does_not_fit_is_found_by_the_check(tmp_path):
    published(tmp_path, file="mine.pth")
    with pytest.raises(InputError, match=r"missing layer1\.0\.conv3\.weight.*see model\.name"):
        check_start(outline("resnet50", 2), Model(name="resnet50", weights=str(tmp_path / "mine.pth")))


@pytest.mark.parametrize(
    ("name", "file", "first", "inside"),
    [
        ("inception_v3", "inception_v3_google-0cc3c7bd.pth", "Conv2d_1a_3x3", slice(None)),
        # It pads with zeros, before the shift here and after it there: only the inside is the same.
        ("googlenet", "googlenet-1378be20.pth", "conv1", slice(2, -2)),
    ],
)
def test_networks_published_for_pixels_of_another_scale_see_the_same_in_ours(tmp_path, name, file, first, inside):
    """Their auxiliary heads are left out, and torchvision's switch `transform_input` is folded into the weights."""
    from torchvision.models import get_model

    torch.manual_seed(0)
    theirs = get_model(name, weights=None, transform_input=True, aux_logits=True, init_weights=True).eval()
    torch.save(theirs.state_dict(), tmp_path / file)
    ours = build(name, 1000).eval()
    start_from(ours, Model(name=name, weights=str(tmp_path / file)), lambda _: None)
    pixels = torch.randn(2, 3, 40, 40)
    with torch.no_grad():
        expected = theirs.get_submodule(first)(theirs._transform_input(pixels))[:, :, inside, inside]
        found = ours.get_submodule(first)(pixels)[:, :, inside, inside]
    torch.testing.assert_close(found, expected)


def test_outlines_have_the_shapes_of_networks_even_where_meta_does_not_do():
    for name in ("resnet18", "regnet_x_400mf"):
        shapes = {key: value.shape for key, value in build(name, 3).state_dict().items()}
        assert {key: value.shape for key, value in outline(name, 3).state_dict().items()} == shapes
