"""Settings of the stages (no torch).

Sources in the descriptions: PruSC is arXiv 2407.14974, Csordás arXiv 2010.02066, GroupDRO arXiv 1911.08731; “ours”
marks values that are not published but chosen by us; `experiments/presets` has our measurements.
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from core.config.section import Count, Fraction, Positive, Section, Weight


class Model(Section):
    """The network."""

    incidental: ClassVar[frozenset[str]] = frozenset(
        {"weights", "checkpoint"}
    )  # the content of the files counts, not their paths
    only_with: ClassVar[Mapping[str, tuple[str, tuple[str, ...]]]] = {
        "checkpoint": ("erm.objective", ("erm",)),
    }

    name: str = "digits-cnn"
    """`digits-cnn` (three convolutions), `mnist-cnn` (four, with GroupNorm), `mlp` (two hidden layers of 390 units), or
    a torchvision classifier such as `resnet18`, or one of timm such as `timm/resnet26` (extra `timm`)."""
    weights: Literal["none", "imagenet"] | str = "none"
    """Initial weights: `none` (random), `imagenet` (torchvision's published weights, from torch's cache), or a file
    (`--weights`); a head of another size is initialised at random."""
    checkpoint: str = ""
    """File of a trained network (`--checkpoint`) to use instead of training by ERM; empty to train."""


class Compute(Section):
    """How steps are computed: speed, memory and precision."""

    incidental: ClassVar[frozenset[str]] = frozenset({"compile", "auto_batch"})

    precision: Literal["fp32", "bf16", "fp16", "auto"] = "fp32"
    """Precision of forward passes and activations in training, pruning and representation extraction; weights, masks,
    losses, optimisers and evaluation stay in fp32. `auto`: bf16 if a trial before the first stage shows that it is
    faster on the device, else fp32; the run keeps the choice."""
    accumulate: Count = 1
    """Gradient accumulation: number of parts into which each batch is split to save memory. Losses that need the whole
    batch (contrast, GroupDRO) take a second forward pass; BatchNorm normalises each part separately."""
    compile: bool = False
    """Compile the network with torch.compile, in training and fine-tuning."""
    auto_batch: bool = False
    """On out-of-memory, split the batch into more parts and repeat the step (`--auto-batch`)."""


class Erm(Section):
    """Stage `erm`: train the network on all training images."""

    only_with: ClassVar[Mapping[str, tuple[str, tuple[str, ...]]]] = {
        "dro_step_size": ("erm.objective", ("group-dro",)),
    }

    objective: Literal["erm", "group-balanced", "group-dro"] = "erm"
    """`erm` minimises the mean loss; the other two are oracles that use the training attributes."""
    epochs: Positive = 2.0
    """Passes over the training split."""
    batch_size: Count = 64
    """Images per step."""
    optimizer: Literal["sgd", "adam", "adamw"] = "sgd"
    """Optimiser."""
    lr: Positive = 0.05
    """Initial learning rate."""
    momentum: Fraction = 0.9
    """Momentum of SGD."""
    weight_decay: Weight = 0.0
    """L2 penalty on the weights."""
    schedule: Literal["constant", "cosine"] = "cosine"
    """Learning rate schedule: constant, or half a cosine down to 0."""
    keep_epochs: tuple[Positive, ...] = (0.25, 0.5, 1.0, 2.0, 4.0)
    """Epochs after which a checkpoint is kept for the finders; early ones show the shortcut best (ours)."""
    dro_step_size: Positive = 0.01
    """Step size of the group weights of `group-dro` (GroupDRO, algorithm 1)."""


class Represent(Section):
    """Stage `represent`: the representation of the training images (the input of the head), in evaluation mode."""

    checkpoints: Literal["kept", "last"] | tuple[Positive, ...] = "kept"
    """ERM checkpoints whose representation is extracted: all of `erm.keep_epochs`, the last, or a list of epochs;
    clustering chooses among them (ours; PruSC's code: last)."""
    batch_size: Count = 500
    """Images per forward pass."""


class Cluster(Section):
    """Finder `clusters`: clusters of the representation on the unit sphere, all classes together."""

    k: Annotated[int, Field(ge=2, le=512)] | Literal["auto"] = "auto"
    """Number of clusters; `auto` chooses among the clearly skewed clusterings by `choose_by` (ours)."""
    choose_by: Literal["worst-cell", "size"] = "worst-cell"
    """`worst-cell` takes the clustering on whose balanced set a refitted head reaches the best worst cell of validation
    (no group labels are used); `size` the one with the largest balanced set (both ours)."""
    candidates: tuple[Annotated[int, Field(ge=2, le=512)], ...] = (2, 3, 4, 6, 8, 12, 16)
    """Numbers of clusters tried by `auto`."""
    min_skew: Fraction = 0.8
    """`auto` rejects clusterings in which the largest class of a cluster has a smaller mean share (ours)."""
    relative: bool = False
    """Take the most over-represented label of a cluster as its majority label, instead of the most frequent one; for
    data with one dominant class. Conflict samples are those with another label."""
    per_class: bool = False
    """Cluster every class separately, with k clusters each."""
    restarts: Count = 4
    """K-means restarts from new centres; the lowest inertia wins."""
    max_iterations: Count = 100
    """Maximum number of k-means iterations."""


class Find(Section):
    """Stage `find`: the pseudo-groups of the training and validation images."""

    incidental: ClassVar[frozenset[str]] = frozenset({"file"})  # the content counts, not the path
    only_with: ClassVar[Mapping[str, tuple[str, tuple[str, ...]]]] = {"file": ("find.by", ("biased", "file"))}

    by: str = "biased"
    """Finder of the pseudo-groups (`prusc recipes`); `auto` tries several and chooses one without group labels."""
    file: str = ""
    """Table of your own pseudo-groups (`--groups FILE`), which takes the place of the finder: a row for every training
    image, and optionally for every validation image; columns `index` or `path`, `group`, and optionally `label` and
    `split`."""
    problems: Literal["warn", "fail"] = "warn"
    """`fail` ends a run whose pseudo-groups should not be trusted; `warn` continues with a warning."""


class Balance(Section):
    """Stage `balance`: the class-balanced set drawn from the pseudo-groups."""

    rule: Literal["min", "cap", "over", "weights"] = "min"
    """Entries of each class per cluster: `min`: the minority count; `cap`: up to `cap` times that; `over`: the majority
    count; the last two repeat samples. `weights`: every sample once, weighted."""
    cap: Annotated[float, Field(ge=1)] = 2.0
    """Rule `cap`: entries of each class per cluster, as a multiple of the minority count."""
    warn_below: Annotated[int, Field(ge=0)] = 200
    """Warn if a class has fewer different samples than this in the balanced set (ours)."""
    problems: Literal["warn", "fail"] = "warn"
    """`fail` ends a run whose balanced set is too small, or much smaller in one class; `warn` continues with a
    warning."""


class Prune(Section):
    """Stage `prune`: learn which weights to keep; the weights themselves are frozen."""

    steps: Count = 200
    """Steps on the mask logits; lr × steps ≈ 10 × init is a good rule (ours)."""
    batch_size: Annotated[int, Field(ge=2)] = 128
    """Images of the balanced set per step."""
    lr: Positive = 0.1
    """Learning rate of Adam on the mask logits (PruSC's code: 0.01)."""
    init: float = 2.0
    """Initial mask logit: every weight is kept with probability σ(init) (Csordás: 2.0)."""
    temperature: Positive = 1.0
    """Temperature of the logistic noise; affects the gradient, not the probability (Csordás: 1)."""
    gradient: Literal["probability", "sample"] = "probability"
    """Slope of the straight-through estimator: p(1−p) of the probability, or s(1−s) of the noisy sample."""
    contrast_weight: Weight = 0.1
    """β: weight of the contrastive loss over clusters (PruSC: 0.1)."""
    contrast_temperature: Positive = 0.07
    """τ: temperature of the cosine similarities (PruSC: 0.07)."""
    negatives: Literal["same-cluster-other-class", "same-cluster", "other-class"] = "same-cluster-other-class"
    """Samples that an anchor is pushed away from (PruSC: `same-cluster`); positives are the samples of its class in
    other clusters."""
    samples: Count = 1
    """Masks sampled per step; the batch is split among them, also for the contrastive loss (DCWP and PruSC's code:
    1)."""
    sparsity_weight: Weight = 1e-6
    """λ: weight of the sum of all mask logits; 1e-4 destroys small networks (PruSC, CelebA: 5e-8)."""
    batchnorm: Literal["recompute", "train", "frozen"] = "recompute"
    """BatchNorm statistics: `frozen` keeps those of ERM; `train` updates them under the sampled masks; `recompute` also
    recomputes them on the balanced set under the final mask (ours)."""
    keep: Annotated[float, Field(gt=0, le=1)] | Literal["none"] = "none"
    """Share of the maskable weights to keep: λ is raised so that the share falls on a cubic curve over `steps`, and is
    exactly this at the last step, which is then selected whatever `select.rule` says; `none`: no target (ours)."""
    structure: Literal["weights", "channels"] = "weights"
    """`weights`: a mask logit for every weight; `channels`: for every output channel of the convolutions that can be
    cut, so that `prusc export` writes a smaller dense network; `keep` is then a share of channels (ours)."""
    exclude: tuple[str, ...] = ()
    """Layers that are never pruned: names such as `fc`, which include their sublayers, or the words `first` (the first
    convolution) and `depthwise`; pretrained networks need both (ours)."""


class Finetune(Section):
    """Stage `finetune`: train the remaining weights under the fixed mask."""

    data: Literal["balanced", "validation"] = "balanced"
    """`validation` trains on the validation split, as PruSC's code does; validation accuracy is then meaningless."""
    steps: Count = 300
    """Steps; 60 are far too few if the shortcut is not learned first (ours)."""
    batch_size: Count = 128
    """Images per step."""
    lr: Positive = 1e-3
    """Initial learning rate of Adam; 3e-4 for a pretrained network (ours)."""
    schedule: Literal["constant", "cosine"] = "cosine"
    """Learning rate schedule: constant, or half a cosine down to 0."""
    weight_decay: Weight = 0.0
    """L2 penalty on the weights."""


class Environments(Section):
    """Stage `environments`: assignment of training samples to environments."""

    only_with: ClassVar[Mapping[str, tuple[str, tuple[str, ...]]]] = {
        "shares": ("environments.rule", ("shares",)),
    }

    rule: Literal["minority-balance", "minority-majority", "conflict-rest", "shares"] = "minority-balance"
    """The two environments, from the conflict samples of the finder: `minority-balance`: {conflict}, {conflict +
    equally many majority}; `minority-majority`: {conflict}, {equally many majority}; `conflict-rest`: {conflict}, {all
    others}; `shares`: two with different shares of conflict samples (ours; the published rule is unknown)."""
    shares: tuple[Fraction, Fraction] = (0.2, 0.1)
    """Rule `shares`: share of conflict samples in each environment, the same for every label."""
    reference: Literal["erm", "attribute"] = "erm"
    """EIIL: reference model whose mistakes separate the environments; `attribute` predicts from the attribute alone (an
    oracle)."""
    eiil_steps: Count = 10_000
    """EIIL: steps of Adam on the assignment (paper: 10,000)."""
    eiil_lr: Positive = 1e-3
    """EIIL: learning rate of Adam (paper: 0.001)."""


class Train(Section):
    """Stage `train`: all restarts and penalty weights at once, with an objective over environments.

    The defaults are those of PruSC's authors for IRM (arXiv 2504.15686, their code).
    """

    only_with: ClassVar[Mapping[str, tuple[str, tuple[str, ...]]]] = {
        "penalty": ("train.objective", ("irm", "vrex", "group-dro")),
        "penalty_weights": ("train.objective", ("irm", "vrex")),
        "anneal_until": ("train.objective", ("irm", "vrex")),
        "rescale": ("train.objective", ("irm", "vrex")),
        "estimator": ("train.objective", ("irm", "vrex", "group-dro")),
        "dro_step_size": ("train.objective", ("group-dro",)),
    }

    objective: Literal["irm", "vrex", "group-dro", "erm"] = "irm"
    """Risk plus IRM penalty, risk plus variance of the risks, worst risk, or mean risk only."""
    network: str = "mlp"
    """`mlp`, `mnist-cnn`, or a torchvision classifier without BatchNorm; trained from scratch."""
    hidden: Count = 390
    """Units per hidden layer of `mlp`."""
    head: Literal["auto", "binary", "multi-class"] = "auto"
    """One logit for two labels, or one per label; `auto`: binary for two labels."""
    penalty: Literal["auto", "binary", "multi-class"] = "auto"
    """Form of the penalty; `auto`: as the head."""
    restarts: Count = 3
    """Networks with different initial weights, trained in parallel (IRM: 10)."""
    penalty_weights: Annotated[tuple[Weight, ...], Field(min_length=1)] = (9_100.0,)
    """Weights of the penalty from step `anneal_until` on; each is trained with every restart, all in parallel (IRM's
    authors: 91,257, EIIL: 191,257)."""
    anneal_until: Annotated[int, Field(ge=0)] = 190
    """Step at which the penalty weight takes effect; before, it is 1."""
    rescale: bool = True
    """Divide the loss by the penalty weight if that is above 1."""
    steps: Count = 501
    """Steps of Adam."""
    batch_size: Count | Literal["full"] = "full"
    """Images per step; `full`: all images in environments."""
    lr: Positive = 5e-4
    """Learning rate of Adam (IRM's authors: 4.9e-4)."""
    l2: Weight = 1e-3
    """Weight of the sum of squares of all parameters (IRM's authors: 1.1e-3)."""
    estimator: Literal["squared", "split", "pairs"] = "squared"
    """Estimator of the penalty on mini-batches: `squared` is biased by the noise of the mean, the others are not."""
    dro_step_size: Positive = 0.01
    """Step size of the environment weights of `group-dro` (GroupDRO, algorithm 1)."""

    def head_for(self, n_classes: int) -> Literal["binary", "multi-class"]:
        """Return the type of the head for this number of labels."""
        if self.head != "auto":
            return self.head
        if self.penalty != "auto":
            return self.penalty
        return "binary" if n_classes == 2 else "multi-class"


class Select(Section):
    """Selection of the final checkpoint of a stage, and number of evaluations along the way."""

    rule: Literal["last", "average", "worst-class", "worst-cell", "worst-group"] = "last"
    """Rule on the validation split; only `worst-group` uses its attributes. `worst-cell`: the worst (pseudo-group,
    label) with at least 10 images; stages before the pseudo-groups are found use `last`; refused if validation images
    get none."""
    looks: Count = 8
    """Number of evaluations on the validation split during a stage."""
