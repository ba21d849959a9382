"""What a pruning step costs, against a plain training step and against a loop over anchors."""

import pytest
import torch
from torch.nn import functional as F

from core.models.networks import build
from core.pruning.contrast import contrastive_loss
from core.pruning.masks import MaskedNetwork
from tests.bench.timing import forms, paired

BETA, TAU = 0.1, 0.07


def batch(n, size, device):
    images = torch.randn(n, 3, size, size, generator=torch.Generator().manual_seed(0)).to(device)
    numbers = torch.arange(n, device=device)
    return images, numbers % 2, numbers // 2 % 4  # two classes, four clusters


def plain_step(images, labels):
    network = build("resnet18", 2).to(images.device).train()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9)

    def step():
        optimizer.zero_grad()
        F.cross_entropy(network(images), labels).backward()
        optimizer.step()
        _wait(images.device)

    return step


def pruning_step(images, labels, clusters, gradient="probability"):
    masked = MaskedNetwork(build("resnet18", 2).to(images.device), gradient=gradient).train()
    optimizer = torch.optim.Adam([masked.logits], lr=0.1, fused=True)
    noise = torch.Generator(images.device).manual_seed(0)

    def step():
        optimizer.zero_grad()
        logits, z = masked(images, noise)
        contrast, _ = contrastive_loss(z, labels, clusters, TAU)
        (F.cross_entropy(logits, labels) + BETA * contrast).backward()
        masked.add_sparsity_gradient(1e-6)
        optimizer.step()
        _wait(images.device)

    return step


def step_of_a_loop_over_anchors(images, labels, clusters):
    """The same loss by one anchor at a time: its positives and its negatives each through a freshly masked network."""
    masked = MaskedNetwork(build("resnet18", 2)).train()
    optimizer = torch.optim.Adam([masked.logits], lr=0.1, fused=True)
    noise = torch.Generator().manual_seed(0)

    def step():
        optimizer.zero_grad()
        logits, z = masked(images, noise)
        losses = []
        for i in range(len(images)):
            positives = images[(labels == labels[i]) & (clusters != clusters[i])]
            negatives = images[(labels != labels[i]) & (clusters == clusters[i])]
            to_positives, to_negatives = (
                F.cosine_similarity(z[i], masked(others, noise)[1]) / TAU for others in (positives, negatives)
            )
            losses.append(torch.cat([to_positives, to_negatives]).logsumexp(0) - to_positives.mean())
        (F.cross_entropy(logits, labels) + BETA * torch.stack(losses).mean()).backward()
        masked.add_sparsity_gradient(1e-6)
        optimizer.step()

    return step


def _wait(device):
    if device.type == "cuda":
        torch.cuda.synchronize()


def report(what, ours, theirs, ratio, target):
    print(f"\n{what}: {ours:.3f} s against {theirs:.3f} s, ratio {ratio:.2f} (target {target})")


@forms(
    "n, size, repetitions, target, gradient",
    short=[(8, 32, 1, "none", "probability"), (8, 32, 1, "none", "sample")],
    full=[(64, 64, 15, "≤ 1.4", "probability"), (64, 64, 15, "none", "sample"), (64, 224, 3, "≤ 1.2", "probability")],
)
def test_a_pruning_step_against_a_plain_training_step(n, size, repetitions, target, gradient):
    torch.manual_seed(0)
    images, labels, clusters = batch(n, size, torch.device("cpu"))
    times = paired(pruning_step(images, labels, clusters, gradient), plain_step(images, labels), repetitions)
    report(f"pruning step ({gradient}) / plain step, ResNet-18, {n} images of {size}²", *times, target)


@forms("n, repetitions", short=[(4, 1)], full=[(16, 3)])
def test_a_pruning_step_against_a_loop_over_anchors(n, repetitions):
    torch.manual_seed(0)
    images, labels, clusters = batch(n, 64, torch.device("cpu"))
    loop = step_of_a_loop_over_anchors(images, labels, clusters)
    times = paired(loop, pruning_step(images, labels, clusters), repetitions)
    report(f"loop over anchors / pruning step, ResNet-18, {n} images of 64²", *times, "≥ 15")


@pytest.mark.bench
@pytest.mark.gpu
@pytest.mark.parametrize("size", [64, 224])
def test_a_pruning_step_against_a_plain_training_step_on_a_gpu(size):
    torch.manual_seed(0)
    images, labels, clusters = batch(64, size, torch.device("cuda"))
    times = paired(pruning_step(images, labels, clusters), plain_step(images, labels), 30)
    report(f"pruning step / plain step on a GPU, ResNet-18, 64 images of {size}²", *times, "≤ 1.15")
