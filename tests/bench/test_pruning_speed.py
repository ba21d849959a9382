"""What a pruning step costs, against a plain training step and against a loop over anchors."""

import pytest
import torch
from torch.nn import functional as F

from core.models.networks import build
from core.pruning.contrast import contrastive_loss
from core.pruning.masks import MaskedNetwork
from tests.bench.timing import forms

BETA, TAU = 0.1, 0.07


def batch(n, size, device):
    images = torch.randn(n, 3, size, size, generator=torch.Generator().manual_seed(0)).to(device)
    numbers = torch.arange(n, device=device)
    return images, numbers % 2, numbers // 2 % 4  # two classes, four clusters


def plain_step(images, labels, name="resnet18"):
    network = build(name, 2).to(images.device).train()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9)

    def step():
        optimizer.zero_grad()
        F.cross_entropy(network(images), labels).backward()
        optimizer.step()
        _wait(images.device)

    return step


def pruning_step(images, labels, clusters, gradient="probability", name="resnet18"):
    masked = MaskedNetwork(build(name, 2).to(images.device), gradient=gradient).train()
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


@forms(
    "n, size, repetitions, target, gradient",
    short=[(8, 32, 1, None, "probability"), (8, 32, 1, None, "sample")],
    full=[(64, 64, 15, 1.4, "probability"), (64, 64, 15, None, "sample"), (64, 224, 3, 1.2, "probability")],
)
def test_a_pruning_step_against_a_plain_training_step(n, size, repetitions, target, gradient, figures):
    torch.manual_seed(0)
    images, labels, clusters = batch(n, size, torch.device("cpu"))
    ours, plain = pruning_step(images, labels, clusters, gradient), plain_step(images, labels)
    name = f"pruning step ({gradient}), ResNet-18, {n} images of {size}²"
    figures.ratio(name, ours, plain, repetitions, against="plain step", target=target)


@forms("n, repetitions", short=[(4, 1)], full=[(16, 3)])
def test_a_pruning_step_against_a_loop_over_anchors(n, repetitions, figures):
    torch.manual_seed(0)
    images, labels, clusters = batch(n, 64, torch.device("cpu"))
    ours, loop = pruning_step(images, labels, clusters), step_of_a_loop_over_anchors(images, labels, clusters)
    name = f"pruning step, ResNet-18, {n} images of 64²"
    figures.ratio(name, ours, loop, repetitions, against="loop over anchors", target=1 / 15)


@forms(
    "network, batches, size, repetitions",
    short=[("digits-cnn", (2, 4), 28, 1)],
    full=[("resnet18", (16, 32, 64, 128), 64, 5)],
)
def test_a_pruning_step_grows_with_the_batch_as_a_plain_one_does(network, batches, size, repetitions, figures):
    torch.manual_seed(0)

    def ours(n):
        return pruning_step(*batch(n, size, torch.device("cpu")), name=network)

    def plain(n):
        return plain_step(*batch(n, size, torch.device("cpu"))[:2], name=network)

    name = f"pruning step over batches of {batches[0]} to {batches[-1]}"
    figures.exponent(name, ours, batches, repetitions, baseline=plain, against="plain step", target=1.1)


@pytest.mark.bench
@pytest.mark.gpu
@pytest.mark.parametrize("size", [64, 224])
def test_a_pruning_step_against_a_plain_training_step_on_a_gpu(size, figures):
    torch.manual_seed(0)
    images, labels, clusters = batch(64, size, torch.device("cuda"))
    ours, plain = pruning_step(images, labels, clusters), plain_step(images, labels)
    name = f"pruning step on a GPU, ResNet-18, 64 images of {size}²"
    figures.ratio(name, ours, plain, 30, against="plain step", target=1.15)
