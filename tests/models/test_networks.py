import pytest
import torch

from core.errors import InputError
from core.models.networks import build, names
from core.models.networks.digits_cnn import DigitsCnn


def test_the_bundled_network_has_the_stated_size():
    network = build("digits-cnn", 2)
    assert isinstance(network, DigitsCnn)
    assert sum(p.numel() for p in network.parameters()) == 27 * 16 + 144 * 32 + 288 * 64 + 2 * 112 + 65 * 2


@pytest.mark.parametrize(("channels", "size"), [(1, 28), (2, 14), (3, 7), (3, 61)])
def test_the_bundled_network_takes_any_channels_and_size(channels, size):
    assert build("digits-cnn", 5, channels)(torch.randn(2, channels, size, size)).shape == (2, 5)


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_small"])
def test_a_torchvision_network_is_built_for_the_number_of_classes(name):
    assert build(name, 7)(torch.randn(2, 3, 32, 32)).shape == (2, 7)


def test_networks_with_auxiliary_heads_give_plain_logits_in_training_mode(recwarn):
    logits = build("googlenet", 3).train()(torch.randn(2, 3, 64, 64))
    assert logits.shape == (2, 3)
    assert not recwarn.list


def test_the_list_starts_with_ours_and_holds_classifiers_with_a_linear_head_only():
    known = names()
    assert known[0] == "digits-cnn"
    assert {"resnet18", "resnet50", "vit_b_16", "mobilenet_v2"} <= set(known)
    assert not {"squeezenet1_0", "fcn_resnet50", "r3d_18"} & set(known)


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(InputError, match="unknown network 'resnet-18'; did you mean 'resnet18'"):
        build("resnet-18", 2)


def test_a_torchvision_network_refuses_other_than_three_channels():
    with pytest.raises(InputError, match="3 channels, not 2"):
        build("resnet18", 2, channels=2)
