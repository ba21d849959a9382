"""Settings of the stages (no torch).

Sources in the descriptions: PruSC is arXiv 2407.14974, Csordás arXiv 2010.02066, GroupDRO arXiv 1911.08731; “ours”
marks values that are not published and that we chose; `experiments/presets` says what we measured.
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from core.config.section import Count, Fraction, Positive, Section, Weight


class Model(Section):
    """The network."""

    incidental: ClassVar[frozenset[str]] = frozenset({"weights", "checkpoint"})  # what is in a file counts, not where
    only_with: ClassVar[Mapping[str, tuple[str, tuple[str, ...]]]] = {
        "checkpoint": ("erm.objective", ("erm",)),
    }

    name: str = "digits-cnn"
    """`digits-cnn` (three convolutions), `mnist-cnn` (four, with GroupNorm), `mlp` (two hidden layers of 390 units), or
    the name of a torchvision classifier such as `resnet18`."""
    weights: Literal["none", "imagenet"] | str = "none"
    """What the network starts from: `none` (fresh), `imagenet` (torchvision's published ones, from torch's cache), or a
    file of them (`--weights`); the head is fresh where its size differs."""
    checkpoint: str = ""
    """File of a trained network (`--checkpoint`), which then stands in for training by ERM; empty to train."""


class Compute(Section):
    """How, not what, is computed: speed against memory against exactness."""

    incidental: ClassVar[frozenset[str]] = frozenset({"compile", "auto_batch"})

    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    """Precision of forward passes and activations where a network is trained, pruned or asked for its representation;
    weights, masks, losses, optimisers and every evaluation stay in fp32."""
    accumulate: Count = 1
    """Parts that a batch is computed in, one after another, for the same step with less memory; losses that need the
    whole batch (contrast, GroupDRO) take a second forward pass. BatchNorm normalises each part by itself."""
    compile: bool = False
    """Compile the network with torch.compile, in training and fine-tuning."""
    auto_batch: bool = False
    """Where the device runs out of memory, go on from the same step with more parts to a batch (`--auto-batch`)."""


class Erm(Section):
    """Stage 1: train the network on all training images."""

    only_with: ClassVar[Mapping[str, tuple[str, tuple[str, ...]]]] = {
        "dro_step_size": ("erm.objective", ("group-dro",)),
    }

    objective: Literal["erm", "group-balanced", "group-dro"] = "erm"
    """`erm` minimises the mean loss; the other two are oracles that use the attributes of the training split."""
    epochs: Positive = 2.0
    """Passes over the training split."""
    batch_size: Count = 64
    """Images in a step."""
    optimizer: Literal["sgd", "adam", "adamw"] = "sgd"
    """Optimiser of the weights."""
    lr: Positive = 0.05
    """Learning rate at the first step."""
    momentum: Fraction = 0.9
    """Momentum of SGD."""
    weight_decay: Weight = 0.0
    """L2 penalty on the weights."""
    schedule: Literal["constant", "cosine"] = "cosine"
    """Learning rate over the steps: the same, or half a cosine down to 0."""
    keep_epochs: tuple[Positive, ...] = (0.25, 0.5, 1.0, 2.0, 4.0)
    """Epochs after which a checkpoint is kept for clustering; early ones show the shortcut best (ours)."""
    dro_step_size: Positive = 0.01
    """Step size of the group weights of `group-dro` (GroupDRO, algorithm 1)."""


class Represent(Section):
    """Stage 2: the representation of the training images, before the head, in evaluation mode."""

    checkpoints: Literal["kept", "last"] | tuple[Positive, ...] = "kept"
    """Epochs of ERM whose representation is extracted: all that `erm.keep_epochs` keeps, the last, or those named;
    clustering chooses among them (ours; PruSC's code: last)."""
    batch_size: Count = 500
    """Images in a forward pass."""


class Cluster(Section):
    """Stage 3: clusters of the representation on the unit sphere, all classes together."""

    incidental: ClassVar[frozenset[str]] = frozenset({"file"})  # what is in it counts, not where it is
    only_with: ClassVar[Mapping[str, tuple[str, tuple[str, ...]]]] = {
        "file": ("cluster.method", ("kmeans",)),
    }

    method: Literal["kmeans", "random"] = "kmeans"
    """`random` assigns clusters by lot: the control that tells whether the clusters matter."""
    file: str = ""
    """Table with a cluster for every training image, made elsewhere (`--clusters`); empty to cluster here."""
    k: Annotated[int, Field(ge=2, le=512)] | Literal["auto"] = "auto"
    """Number of clusters; `auto` takes what gives the largest balanced set among clearly skewed clusters (ours)."""
    candidates: tuple[Annotated[int, Field(ge=2, le=512)], ...] = (2, 3, 4, 6, 8, 12, 16)
    """Numbers of clusters that `auto` tries."""
    min_skew: Fraction = 0.8
    """`auto` refuses clusters in which the largest class has less than this share on average (ours)."""
    per_class: bool = False
    """Cluster every class on its own, k clusters each."""
    restarts: Count = 4
    """k-means restarts from new centres; the lowest inertia is kept."""
    max_iterations: Count = 100
    """k-means iterations at most."""

    @model_validator(mode="after")
    def _random_needs_k(self) -> Self:
        if self.method == "random" and self.k == "auto":
            raise ValueError("random clusters have no best k; set cluster.k to a number")
        return self

    @model_validator(mode="after")
    def _found_or_given(self) -> Self:
        if self.file and self.method == "random":
            raise ValueError("file: clusters come from a file or by lot (cluster.method=random), not from both")
        return self


class Balance(Section):
    """Stage 4: the class-balanced set drawn from the clusters."""

    rule: Literal["min", "cap", "over", "weights"] = "min"
    """Per cluster: `min` takes the minority count of each class; `cap` up to `cap` times that, `over` the majority
    count, both repeating samples; `weights` takes every sample once and weighs it."""
    cap: Annotated[float, Field(ge=1)] = 2.0
    """Rule `cap`: entries of each class per cluster, in multiples of the minority count."""
    warn_below: Annotated[int, Field(ge=0)] = 200
    """Warn when a class has fewer different samples than this in the balanced set (ours)."""


class Prune(Section):
    """Stage 5: learn which weights to keep; the weights themselves are frozen."""

    steps: Count = 200
    """Steps of the mask logits; lr × steps ≈ 10 × init is a good rule (ours)."""
    batch_size: Annotated[int, Field(ge=2)] = 128
    """Images of the balanced set in a step."""
    lr: Positive = 0.1
    """Adam's rate on the logits (PruSC's code: 0.01)."""
    init: float = 2.0
    """Logit at the start: every weight is on with probability σ(init) (Csordás: 2.0)."""
    temperature: Positive = 1.0
    """Temperature of the logistic noise; it changes the gradient, not the probability (Csordás: 1)."""
    gradient: Literal["probability", "sample"] = "probability"
    """Slope of the straight-through estimator: p(1−p) of the probability, or s(1−s) of the noisy sample."""
    contrast_weight: Weight = 0.1
    """β: weight of the contrastive loss over clusters (PruSC: 0.1)."""
    contrast_temperature: Positive = 0.07
    """τ: temperature of the cosine similarities (PruSC: 0.07)."""
    negatives: Literal["same-cluster-other-class", "same-cluster", "other-class"] = "same-cluster-other-class"
    """Which samples an anchor is pushed away from (PruSC: `same-cluster`); positives are of its class in other
    clusters."""
    samples: Count = 1
    """Masks that are drawn for every step; the batch is split among them, contrastive loss and all (DCWP and PruSC's
    code: 1)."""
    sparsity_weight: Weight = 1e-6
    """λ: weight of the sum of all logits; 1e-4 destroys small networks (PruSC, CelebA: 5e-8)."""
    batchnorm: Literal["recompute", "train", "frozen"] = "recompute"
    """BatchNorm statistics: `frozen` keeps ERM's; `train` lets them follow the sampled masks; `recompute` also measures
    them anew on the balanced set under the final mask (ours)."""
    exclude: tuple[str, ...] = ()
    """Names of layers that are never pruned, such as `fc`; a name covers the layers below it."""


class Finetune(Section):
    """Stage 6: train the weights that are left, with the mask fixed."""

    data: Literal["balanced", "validation"] = "balanced"
    """`validation` trains on the validation split, as PruSC's code does; its validation accuracy is then no measure."""
    steps: Count = 60
    """Steps of the weights."""
    batch_size: Count = 128
    """Images in a step."""
    lr: Positive = 3e-4
    """Adam's rate at the first step; 1e-3 damages a good mask (ours)."""
    schedule: Literal["constant", "cosine"] = "cosine"
    """Learning rate over the steps: the same, or half a cosine down to 0."""
    weight_decay: Weight = 0.0
    """L2 penalty on the weights."""
    head_penalty: Weight = 1e-3
    """Recipe `last-layer`: L2 penalty per sample of the logistic regression that refits the head."""


class Environments(Section):
    """Stage `environments`: which training samples are in which environment."""

    only_with: ClassVar[Mapping[str, tuple[str, tuple[str, ...]]]] = {
        "shares": ("environments.rule", ("shares",)),
    }

    rule: Literal["minority-balance", "minority-majority", "conflict-rest", "shares"] = "minority-balance"
    """From clusters, where the conflict samples are those of the minority label: they, and they with as many of the
    majority (`minority-balance`); they, and that majority alone; they, and all others; two environments with different
    shares of them (`shares`). The published rule is not known; these are ours."""
    shares: tuple[Fraction, Fraction] = (0.2, 0.1)
    """Rule `shares`: share of conflict samples in each environment, alike for every label."""
    relative: bool = False
    """Take for the majority of a cluster the label that is most over-represented there, not the most frequent one; for
    data in which one class outnumbers the others everywhere."""
    reference: Literal["erm", "attribute"] = "erm"
    """EIIL: the reference model whose mistakes tell environments apart; `attribute` answers by the attribute alone, an
    oracle."""
    eiil_steps: Count = 10_000
    """EIIL: steps of Adam on the assignment (EIIL: 10,000)."""
    eiil_lr: Positive = 1e-3
    """EIIL: Adam's rate (EIIL: 0.001)."""


class Train(Section):
    """Stage `train`: all restarts and penalty weights at once, by an objective over environments.

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
    """Risk plus IRM's penalty, risk plus the variance of the risks, the worst risk, or the mean risk alone."""
    network: str = "mlp"
    """`mlp`, `mnist-cnn`, or a torchvision classifier without BatchNorm; trained from scratch."""
    hidden: Count = 390
    """Units of each hidden layer of `mlp`."""
    head: Literal["auto", "binary", "multi-class"] = "auto"
    """One logit for two labels, or one for every label; `auto`: binary for two labels."""
    penalty: Literal["auto", "binary", "multi-class"] = "auto"
    """Form of the penalty; `auto`: that of the head."""
    restarts: Count = 3
    """Networks that differ in their initial weights alone, trained side by side (IRM: 10)."""
    penalty_weights: Annotated[tuple[Weight, ...], Field(min_length=1)] = (9_100.0,)
    """Weight of the penalty from `anneal_until` on; several are trained side by side, each with every restart (IRM's
    authors: 91,257, EIIL: 191,257)."""
    anneal_until: Annotated[int, Field(ge=0)] = 190
    """Step from which the penalty weight holds; before it is 1."""
    rescale: bool = True
    """Divide the loss by the penalty weight where that is above 1."""
    steps: Count = 501
    """Steps of Adam."""
    batch_size: Count | Literal["full"] = "full"
    """Images in a step; `full` takes all that are in an environment."""
    lr: Positive = 5e-4
    """Adam's rate (IRM's authors: 4.9e-4)."""
    l2: Weight = 1e-3
    """Weight of the sum of squares of all parameters (IRM's authors: 1.1e-3)."""
    estimator: Literal["squared", "split", "pairs"] = "squared"
    """Penalty of a mini-batch: `squared` is biased by the noise of the mean, the other two are not."""
    dro_step_size: Positive = 0.01
    """Step size of the weights of the environments of `group-dro` (GroupDRO, algorithm 1)."""

    def head_for(self, n_classes: int) -> Literal["binary", "multi-class"]:
        """Which head the networks have for that many labels."""
        if self.head != "auto":
            return self.head
        if self.penalty != "auto":
            return self.penalty
        return "binary" if n_classes == 2 else "multi-class"


class Select(Section):
    """Which checkpoint of a stage is handed on, and how often one is looked at."""

    rule: Literal["last", "average", "worst-class", "worst-group"] = "last"
    """Named rule on the validation split; `worst-group` uses its attributes, the others use none."""
    looks: Count = 8
    """Evaluations on the validation split during a stage."""
