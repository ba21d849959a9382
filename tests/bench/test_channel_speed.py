"""How much faster a network is on the CPU without the channels that masks drop."""

import torch

from core.models.networks import build
from core.pruning.channels import channels_of, cut
from tests.bench.timing import forms


@forms(
    ("name", "size", "batch", "share", "repetitions"),
    short=[("digits-cnn", 28, 4, 0.25, 1)],
    full=[(name, size, batch, share, 15) for name, size, batch in (("digits-cnn", 28, 256), ("resnet18", 112, 8))
          for share in (0.5, 0.25, 0.1)],
)  # fmt: skip
def test_a_network_without_the_dropped_channels_is_smaller(name, size, batch, share, repetitions, figures):
    network = build(name, 2, 3, (size, size)).eval()
    kept = {}
    for channels in channels_of(network):
        count = network.get_submodule(channels.conv).out_channels
        kept[channels.conv] = torch.arange(count) < max(1, round(share * count))
    small = cut(network, kept).eval()
    images = torch.randn(batch, 3, size, size).to(memory_format=torch.channels_last)

    def run(one):
        with torch.no_grad():
            one(images)

    parameters = [sum(p.numel() for p in one.parameters()) for one in (network, small)]
    assert parameters[1] < parameters[0]
    figures.ratio(
        f"{name} with {share:.0%} of its channels, {batch} images of {size}²",
        lambda: run(small),
        lambda: run(network),
        repetitions,
        against="all channels",
        target=1.0,
    )
