"""What half precision and channels-last gain on a CPU, and that accuracy does not pay for it."""

import torch
from torch.nn import functional as F

from core.config import Compute
from core.models.networks import build
from core.runs.home import Home
from core.training.gradient import Gradient
from tests.bench.timing import forms
from tests.engine.lab import TINY, go_on
from tests.training.stage_lab import context_of, run_folder

SMALL = ("data.train_size=10000", "data.validation_size=800", "data.test_size=2000", "select.looks=1")
TINIER = ("data.train_size=150", "prune.steps=1", "finetune.steps=1", "select.looks=1")


def training_step(folder, images, labels, layout, **compute):
    torch.manual_seed(0)
    network = build("resnet18", 2).to(memory_format=layout).train()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9)
    pixels = images.to(memory_format=layout)
    gradient = Gradient(context_of(folder, stage="none"), Compute(**compute), network, "erm.batch_size")

    def step():
        optimizer.zero_grad()
        gradient.backward(
            slice(0, len(labels)),
            lambda part: (network(pixels[part]),),
            lambda outputs, part: {"loss": F.cross_entropy(outputs[0].float(), labels[part])},
            additive=True,
        )
        gradient.precision.step(optimizer)

    return step


@forms("n, size, repetitions", short=[(8, 32, 1)], full=[(64, 64, 9), (64, 224, 2)])
def test_bf16_and_channels_last_against_fp32(tmp_path, n, size, repetitions, figures):
    images = torch.randn(n, 3, size, size, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(n) % 2
    folder = run_folder(tmp_path)
    plain = training_step(folder, images, labels, torch.contiguous_format)
    for what, layout, compute in (
        ("fp32, channels last", torch.channels_last, {}),
        ("bf16, channels last", torch.channels_last, {"precision": "bf16"}),
        ("bf16, channels last, 4 parts", torch.channels_last, {"precision": "bf16", "accumulate": 4}),
    ):
        step = training_step(folder, images, labels, layout, **compute)
        name = f"training step in {what}, ResNet-18, {n} images of {size}²"
        figures.ratio(name, step, plain, repetitions, against="fp32, channels first")


@forms(
    "overrides, seeds, margin",
    short=[((*TINY, *TINIER), (0,), 1.0)],  # a run so small has no accuracy to compare
    full=[(SMALL, (0, 1), 0.05)],
)
def test_accuracy_on_the_demo_stays_within_noise(tmp_path, overrides, seeds, margin):
    """Two seeds in fp32 give the noise; bf16 may differ from fp32 of the same seed by little more."""
    from experiments.launch import create_run
    from experiments.plan import make_plan

    home = Home.open(tmp_path)
    worst = {}
    print()
    for precision in ("fp32", "bf16"):
        for seed in seeds:
            plan = make_plan("demo", overrides=(f"compute.precision={precision}", *overrides), seed=seed)
            folder = create_run(home, plan)
            assert go_on(folder) == "finished", folder.record().reason
            tested = {s.name: s.evaluations["test"] for s in folder.record().stages if "test" in s.evaluations}
            for stage, evaluation in tested.items():
                groups = [group["correct"] / group["n"] for group in evaluation["groups"]]
                worst[precision, seed, stage] = min(groups)
                print(f"{precision}, seed {seed}, {stage}: worst group {100 * min(groups):.1f} %")
    for seed in seeds:
        for stage in ("prune", "finetune"):
            spread = abs(worst["fp32", seeds[0], stage] - worst["fp32", seeds[-1], stage])
            assert abs(worst["bf16", seed, stage] - worst["fp32", seed, stage]) <= max(margin, 2 * spread)
