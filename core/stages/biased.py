"""Finder `biased`: networks that learn what is easy; their mistakes contradict the shortcut."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from core.artifacts import FINDER_FILES
from core.config import Compute, Model, Section
from core.config.section import Count, Fraction, Positive, Weight
from core.engine.stage import Stage
from core.errors import StageError
from core.events import Logged, Scalars, StageStarted, Warned

if TYPE_CHECKING:
    from torch import Tensor

    from core.clustering.kmeans import Floats, Integers
    from core.engine.context import StageContext
    from core.finding.biased import BiasedLearner
    from core.training.images import Images


class Biased(Section, section="biased"):
    """Finder `biased`: networks trained by generalised cross-entropy on what is easy (after LfF, arXiv 2007.02561)."""

    network: str = ""
    """Network of the finder; empty for that of the run (`model.name`)."""
    q: Annotated[float, Field(gt=0, le=1)] = 0.7
    """Exponent of the generalised cross-entropy (LfF: 0.7)."""
    rounds: Annotated[int, Field(ge=1, le=4)] = 3
    """Maximum number of shortcuts to look for, one after the other; a round that finds none is the last (ours)."""
    overlap: Fraction = 0.7
    """Training ends when the mistakes overlap those of the previous look by this much (IoU; ours)."""
    overlap_later: Fraction = 0.85
    """The same for later rounds, in which there may be no shortcut left: hard samples overlap by up to .67 (ours)."""
    second_opinion: bool = True
    """Take, instead of the mistakes, the samples whose label the shortcut contradicts clearly, judged by two heads on
    the representation of the network: mistakes may also be samples that are only hard (ours)."""
    max_steps: Count = 320
    """Maximum number of steps of a round."""
    balance_classes: bool = True
    """Draw all classes equally often; otherwise a small class is never learned."""
    batch_size: Count = 64
    """Images per step."""
    optimizer: Literal["sgd", "adam", "adamw"] = "sgd"
    """Optimiser."""
    lr: Positive = 0.05
    """Learning rate; for a pretrained network half that of ERM (ours)."""
    momentum: Fraction = 0.9
    """Momentum of SGD."""
    weight_decay: Weight = 0.0
    """L2 penalty on the weights."""
    schedule: Literal["constant", "cosine"] = "constant"
    """Learning rate schedule: constant, or half a cosine down to 0 over `max_steps`."""


@dataclass(frozen=True)
class FindByBias(Stage):
    """Train biased networks in rounds, each on batches balanced over the classes and conflicts of the rounds before."""

    biased: Biased
    model: Model
    compute: Compute = field(default_factory=Compute)
    name: ClassVar[str] = "biased"
    version: ClassVar[int] = 2
    parallel: ClassVar[bool] = True
    files: ClassVar[Mapping[str, str]] = FINDER_FILES
    takes: ClassVar[tuple[str, ...]] = ("model.weights",)
    source: ClassVar[str] = "biased networks"
    section: ClassVar[str] = "biased"

    @cached_property
    def content(self) -> Mapping[str, str]:
        from core.models.weights import identity

        return {"start": identity(self._model)}

    @property
    def _model(self) -> Model:
        """The network of the finder; a trained network that is given as checkpoint is not one of its starts."""
        other = bool(self.biased.network) and self.biased.network != self.model.name
        changed = {"name": self.biased.network, "weights": "none"} if other else {}
        return self.model.model_copy(update={"checkpoint": "", **changed})

    def run(self, context: "StageContext") -> None:
        import torch

        from core.finding.biased import SAME, overlap
        from core.finding.pseudo_groups import from_predictions
        from core.training.images import split_images, training_images

        settings, data = self.biased, context.data
        labels = torch.from_numpy(data.splits["train"].labels)
        train, validation = training_images(context), split_images(context, "validation")
        saved: dict[str, Any] = context.resume_state() or {"train": [], "validation": [], "round": None}
        predicted: list[Tensor] = saved["train"]
        held_out: list[Tensor] = saved["validation"]
        total = settings.rounds * settings.max_steps
        done = saved["round"]["step"] if saved["round"] else 0
        context.emit(StageStarted(context.stage, total, len(predicted) * settings.max_steps + done))
        while len(predicted) < settings.rounds:
            outcome = self._round(context, train, validation, predicted, held_out, saved["round"])
            saved["round"] = None
            if outcome is None:
                break
            seen = self._seen(context, outcome, train, validation, len(predicted) + 1)
            if seen is None:
                break
            classes, other = seen
            if any(overlap(classes != labels, earlier != labels) > SAME for earlier in predicted):
                context.emit(Logged(f"{context.stage}: the mistakes are those of an earlier round: not used", "data"))
                break
            predicted.append(classes)
            held_out.append(other)
        if not predicted:
            raise StageError(
                "no biased network learned to tell the classes apart",
                f"raise {self.section}.max_steps or {self.section}.lr, or take another finder (find.by)",
            )
        one, two = ([classes.numpy() for classes in of] for of in (predicted, held_out))
        rounds = f"{len(predicted)} round{'s' * (len(predicted) > 1)}"
        found = from_predictions(f"{self.source}, {rounds}", one, labels.numpy(), data.label_names, two)
        found.save(context.directory)
        context.progress(total, total)

    def _seen(
        self, context: "StageContext", network: Any, train: "Images", validation: "Images", number: int
    ) -> "tuple[Tensor, Tensor] | None":
        """The class that the shortcut of a round stands for in every training and validation image, both on the CPU.

        By the network itself, or by the second opinion on its mistakes. None in a later round whose mistakes are only
        hard samples: there is no further shortcut.
        """
        import torch

        from core.finding.quality import LEAST_CONFLICTS
        from core.models.representation import Representation
        from core.parallel import team
        from core.training.predict import outputs, predict

        if not self.biased.second_opinion:
            return predict(network, train).classes.cpu(), predict(network, validation).classes.cpu()
        representation, labels = Representation(network), context.data.splits["train"].labels
        n_classes = len(context.data.label_names)
        both = [outputs(lambda pixels: torch.cat(representation(pixels), 1), of) for of in (train, validation)]
        own = both[0][:, :n_classes].argmax(1), both[1][:, :n_classes].argmax(1)
        if int(train.labels.bincount().min()) < 2:
            text = "no second opinion, as a class has only one training image"
        else:
            features, held_out = (of[:, n_classes:].numpy() for of in both)
            opinion = self._second_opinion(context, features, held_out, own[0].numpy())
            opinion = team().tell(opinion)  # so that all processes go on with the same, whatever their processors round
            mistakes, found = own[0].numpy() != labels, opinion[0] != labels
            if found.sum() >= LEAST_CONFLICTS:
                hard, new = int((mistakes & ~found).sum()), int((found & ~mistakes).sum())
                if hard or new:
                    text = f"{hard:,} of {int(mistakes.sum()):,} mistakes may only be hard samples; "
                    text += f"{new:,} other samples clearly contradict the shortcut"
                    context.emit(Logged(f"{context.stage}: {text}", "data"))
                return torch.from_numpy(opinion[0]), torch.from_numpy(opinion[1])
            text = "the mistakes may only be hard samples, as the shortcut does not explain them"
        context.emit(Logged(f"{context.stage}: round {number}: {text}", "data"))
        return own if number == 1 else None

    @staticmethod
    def _second_opinion(
        context: "StageContext", features: "Floats", held_out: "Floats", classes: "Integers"
    ) -> "tuple[Integers, Integers]":
        """Classes of training and validation images: not the label if it is more likely to be mistaken than not."""
        import numpy as np

        from core.finding.second_opinion import contradiction, least_contradiction, shortcut_evidence

        labels, other_labels = (context.data.splits[name].labels for name in ("train", "validation"))
        mistakes = classes != labels
        seed = context.streams.seed("second-opinion")
        evidence, other_evidence = shortcut_evidence(features, labels, mistakes, held_out, seed)
        margins, against = contradiction(evidence, labels)
        others, other_against = contradiction(other_evidence, other_labels)
        least = least_contradiction(margins, mistakes)
        return np.where(margins >= least, against, labels), np.where(others >= least, other_against, other_labels)

    def _round(
        self,
        context: "StageContext",
        train: "Images",
        validation: "Images",
        predicted: "list[Tensor]",
        held_out: "list[Tensor]",
        saved: dict[str, Any] | None,
    ) -> Any:
        """Train a network until its mistakes are stable, and return it; None if they never are.

        In the first round, a network that knows all classes is returned at the end all the same, with a warning.

        Args:
            context: of the stage.
            train: the training split.
            validation: the validation split.
            predicted: training predictions of the rounds before.
            held_out: their validation predictions.
            saved: state of this round at the last checkpoint.
        """
        import torch

        from core.finding.biased import knows_all_classes, look_after, overlap, sample_for_looks

        settings, number = self.biased, len(predicted) + 1
        labels = torch.from_numpy(context.data.splits["train"].labels)
        learner = self._learner(context, train, validation, predicted, is_resumed=saved is not None)
        pixels = train.plain(torch.zeros(1, dtype=torch.int64))[0, 0].numel()
        looked_at = sample_for_looks(len(labels), pixels, context.streams.seed("looks"))
        step, last = 0, torch.zeros(len(looked_at), dtype=torch.bool)
        look, knew, over = look_after(0), False, False
        if saved is not None:
            learner.load_state_dict(saved["learner"])
            step, look, last, knew = saved["step"], saved["look"], saved["last"], saved["knew"]
            if saved.get("over"):
                return learner.average

        def state() -> dict[str, Any]:
            now = {"learner": learner.state_dict(), "step": step, "look": look, "last": last, "knew": knew}
            return {"train": predicted, "validation": held_out, "round": {**now, "over": over}}

        def trained() -> Any:
            nonlocal over
            over = True
            context.save(state)  # predictions of all images follow, which may be stopped
            return learner.average

        done = (number - 1) * settings.max_steps
        while step < settings.max_steps:
            context.at_boundary(state)
            learner.step()
            step += 1
            context.progress(done + step, settings.rounds * settings.max_steps)
            if step == look:
                look = look_after(step)
                wrong = learner.mistakes(looked_at)
                knows = knows_all_classes(wrong, labels[looked_at])
                agreement = overlap(wrong, last) if knew and knows else 0.0
                values = {"mistakes": float(wrong.float().mean()), "overlap with the look before": agreement}
                context.emit(Scalars(context.stage, done + step, float(number), values))
                if agreement >= (settings.overlap_later if predicted else settings.overlap):
                    text = f"{context.stage}: round {number}: {int(wrong.sum()):,} of {len(wrong):,} samples are wrong "
                    context.emit(Logged(f"{text}and {agreement:.0%} of them stable after {step} steps", "data"))
                    return trained()
                last, knew = wrong, knows
        if number == 1 and knew:
            text = (
                f"The mistakes of the biased network have not settled after {step} steps, and are used as they are; if "
                f"the pseudo-groups are poor, change {self.section}.lr or {self.section}.max_steps, or take another "
                "finder (find.by)."
            )
            context.emit(Warned(context.stage, "unstable-mistakes", text))
            return trained()
        context.emit(Logged(f"{context.stage}: round {number}: no stable mistakes, so no (further) shortcut", "data"))
        return None

    def _learner(
        self,
        context: "StageContext",
        train: "Images",
        validation: "Images",
        predicted: "list[Tensor]",
        *,
        is_resumed: bool,
    ) -> "BiasedLearner":
        """What trains the network of a round, which is a new one, and in a resumed round has no weights yet."""
        import torch

        from core.finding.biased import BiasedLearner, balancing_weights
        from core.models.weights import start_from
        from core.training.network import new_network

        settings = self.biased
        labels = torch.from_numpy(context.data.splits["train"].labels)
        network = new_network(self._model, context.data)
        if is_resumed:
            context.resume_state()  # for the random streams: making the network drew from the global one
        else:
            start_from(network, self._model, lambda line: context.emit(Logged(line)))
        network.to(context.device)
        return BiasedLearner(
            context,
            network,
            settings,
            settings.q,
            settings.batch_size,
            self.compute,
            settings.max_steps,
            train,
            validation,
            balancing_weights(labels, predicted) if settings.balance_classes or predicted else None,
            f"order-{len(predicted) + 1}",
            f"{self.section}.batch_size",
        )
