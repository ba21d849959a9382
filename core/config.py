"""What can be set about a run: frozen, validated sections with units and sources (no torch).

Sources in the descriptions: PruSC is arXiv 2407.14974, Csordás arXiv 2010.02066, GroupDRO arXiv 1911.08731; “ours”
marks values that are not published and that we chose; `experiments/presets` says what we measured.
"""

import hashlib
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

import orjson
from pydantic import BaseModel, ConfigDict, Field, model_validator

Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Weight = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]


class Section(BaseModel):
    """A group of settings: frozen, and closed to names that it does not know."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True, protected_namespaces=()
    )

    def canonical_hash(self) -> str:
        """Hash of the values, the same whatever the order in which they were given: 16 hexadecimal digits."""
        text = orjson.dumps(self.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(text).hexdigest()[:16]


class Bundled(Section):
    """Settings that every data set made of the bundled digits shares."""

    train_size: Annotated[int, Field(ge=100, le=59_000)] = 30_000
    """Images in the training split; drawn from the 60,000 training digits."""
    validation_size: Annotated[int, Field(ge=40, le=20_000)] = 4_800
    """Images in the validation split; drawn from the training digits that the training split leaves."""
    label_noise: Fraction = 0.0
    """Share of samples whose label is replaced by another class, in every split; attributes follow the noisy label."""
    seed: Seed = 0
    """Seed of the split, the noise and the attributes; the same data for every seed of the run."""

    @property
    def n_classes(self) -> int:
        """Number of labels."""
        return 2

    @property
    def n_given_environments(self) -> int:
        """Environments that the training split brings with it; 0 where there are none."""
        return 0

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.train_size + self.validation_size > 60_000:
            raise ValueError("train_size and validation_size together exceed the 60,000 training digits")
        return self


class Digits(Bundled):
    """Settings of the data sets whose validation and test may be balanced over groups."""

    test_size: Annotated[int, Field(ge=40, le=9_600)] | None = None
    """Images in the test split, drawn from the 10,000 test digits; none given: as many as `evaluation` allows, up to
    9,600 (balanced over 10 labels that is 8,900, as there are only 892 fives)."""
    evaluation: Literal["balanced", "as-train"] = "balanced"
    """Validation and test: `balanced` has equally many samples in every group, `as-train` the training correlation."""


class ColoredMnist(Digits):
    """Digits in a colour that agrees with the label on most training images."""

    name: Literal["colored-mnist"] = "colored-mnist"
    classes: Literal[2, 5, 10] = 2
    """Number of labels, and of colours: 2 is digit < 5 against digit ≥ 5."""
    correlation: Fraction = 0.95
    """Share of training images whose colour is that of their label."""
    saturation: Fraction = 0.5
    """Strength of the colours, from 0 (white) to 1; the stronger, the more a network leans on them."""

    @property
    def n_classes(self) -> int:
        """Number of labels."""
        return self.classes


class PatchMnist(Digits):
    """Digits of which one class mostly carries a coloured square near the border, as benign skin lesions do."""

    name: Literal["patch-mnist"] = "patch-mnist"
    correlation: Fraction = 0.95
    """Share of training images on which the patch is there for digit < 5 and missing for digit ≥ 5."""
    patch_size: Annotated[int, Field(ge=2, le=10)] = 5
    """Side of the square in pixels."""


class TextureMnist(Digits):
    """Digits over one of two textures that mostly agrees with the label, as backgrounds do for birds."""

    name: Literal["texture-mnist"] = "texture-mnist"
    correlation: Fraction = 0.95
    """Share of training images whose texture is that of their label."""
    contrast: Fraction = 0.5
    """Brightness of the texture, as a share of full scale."""


class MultiMnist(Digits):
    """Digits with two spurious attributes at once: a colour and a patch."""

    name: Literal["multi-mnist"] = "multi-mnist"
    correlation: Fraction = 0.95
    """Share of training images whose colour is that of their label."""
    saturation: Fraction = 0.5
    """Strength of the colours, from 0 (white) to 1."""
    patch_correlation: Fraction = 0.95
    """Share of training images whose patch is that of their label."""
    patch_size: Annotated[int, Field(ge=2, le=10)] = 5
    """Side of the patch in pixels."""


class Cmnist(Bundled):
    """ColoredMNIST as papers on invariant learning have it: 2×14×14, two given environments, colour reversed in test.

    The label is digit < 5 against digit ≥ 5, with noise; the digit lies in the colour channel of its noisy label, but
    for a share of the images, the colour noise (IRM, arXiv 1907.02893).
    """

    name: Literal["cmnist"] = "cmnist"
    train_size: Annotated[int, Field(ge=100, le=59_000)] = 50_000
    """Images in the training split (IRM: 50,000); drawn from the 60,000 training digits."""
    validation_size: Annotated[int, Field(ge=40, le=20_000)] = 10_000
    """Images in the validation split; drawn from the training digits that the training split leaves."""
    test_size: Annotated[int, Field(ge=40, le=10_000)] = 10_000
    """Images in the test split, drawn from the 10,000 test digits."""
    label_noise: Fraction = 0.25
    """Share of samples whose label is the wrong one, in every split; the colour follows the noisy label (IRM: 0.25)."""
    environment_noise: Annotated[tuple[Fraction, ...], Field(min_length=1)] = (0.2, 0.1)
    """Colour noise of each given training environment; they share the training images equally (IRM: 0.2 and 0.1)."""
    validation_noise: Fraction | None = None
    """Colour noise of the validation split; none given: that of the training split as a whole."""
    test_noise: Fraction = 0.9
    """Colour noise of the test split (IRM: 0.9)."""
    grey: bool = False
    """Put both colours into one channel, so that no network can see the colour: for the oracle."""

    @property
    def n_given_environments(self) -> int:
        """Environments that the training split brings with it."""
        return len(self.environment_noise)


Data = Annotated[ColoredMnist | PatchMnist | TextureMnist | MultiMnist | Cmnist, Field(discriminator="name")]


class Model(Section):
    """The network."""

    name: str = "digits-cnn"
    """`digits-cnn` (three convolutions), `mnist-cnn` (four, with GroupNorm), `mlp` (two hidden layers of 390 units), or
    the name of a torchvision classifier such as `resnet18`."""


class Erm(Section):
    """Stage 1: train the network on all training images."""

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

    method: Literal["kmeans", "random"] = "kmeans"
    """`random` assigns clusters by lot: the control that tells whether the clusters matter."""
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


class Config(Section):
    """Everything that decides what a run computes."""

    recipe: str = "prusc"
    """Name of the recipe: which stages, in which order."""
    seed: Seed = 0
    """Seed of initial weights, order, masks and clusters."""
    data: Data = ColoredMnist()
    model: Model = Model()
    erm: Erm = Erm()
    represent: Represent = Represent()
    cluster: Cluster = Cluster()
    balance: Balance = Balance()
    prune: Prune = Prune()
    finetune: Finetune = Finetune()
    environments: Environments = Environments()
    train: Train = Train()
    select: Select = Select()
    deterministic: bool = False
    """Ask for the same bits from run to run on a GPU too; slower."""

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if self.cluster.per_class and self.prune.negatives != "other-class" and self.prune.contrast_weight > 0:
            raise ValueError(
                "cluster.per_class leaves one class in a cluster, so no negatives: set prune.negatives=other-class"
            )
        kept = (*self.erm.keep_epochs, self.erm.epochs)
        if isinstance(self.represent.checkpoints, tuple):
            for epoch in self.represent.checkpoints:
                if epoch not in kept or epoch > self.erm.epochs:
                    raise ValueError(f"represent.checkpoints: ERM keeps no epoch {epoch:g}; add it to erm.keep_epochs")
        return self

    @model_validator(mode="after")
    def _head_and_penalty(self) -> Self:
        classes, penalty = self.data.n_classes, self.train.penalty
        head = self.train.head_for(classes)
        if penalty == "multi-class" and head == "binary":
            raise ValueError(
                "train.penalty: a multi-class penalty needs a logit for every class, and train.head=binary has one; "
                "set train.head=multi-class, or train.penalty=binary"
            )
        if penalty == "binary" and head == "multi-class":
            raise ValueError("train.penalty: a binary penalty needs the one logit of train.head=binary")
        if head == "binary" and classes != 2:
            raise ValueError(f"train.head: one logit tells two labels apart, and the data has {classes}")
        return self


def flatten(value: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Walk a nested mapping as (`a.b`, value) pairs, in its order."""
    for key, item in value.items():
        if isinstance(item, dict):
            yield from flatten(item, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", item


def differences(config: Config, base: Config) -> dict[str, tuple[Any, Any]]:
    """Settings in which two configurations differ: dotted key → (value in `config`, in `base`), None where absent."""
    ours, theirs = (dict(flatten(c.model_dump(mode="json"))) for c in (config, base))
    keys = [*ours, *(k for k in theirs if k not in ours)]
    return {k: (ours.get(k), theirs.get(k)) for k in keys if ours.get(k) != theirs.get(k)}
