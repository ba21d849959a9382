"""Stage `environments` of EIIL: the assignment with the largest invariance penalty of a reference."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.config import Environments as Settings
from core.config import Train
from core.errors import InputError
from core.stages.environments import MakeEnvironments, save, warn
from core.stages.reference import REFERENCE_SETTINGS

if TYPE_CHECKING:
    from torch import Tensor

    from core.engine.context import StageContext


@dataclass(frozen=True)
class InferByEiil(MakeEnvironments):
    """Environments in which a reference is least invariant (EIIL, arXiv 2010.07249).

    Attributes:
        environments: settings; the reference is an ERM network or the attribute.
        train: settings of the reference network; the defaults if there is none.
    """

    environments: Settings
    train: Train

    @property
    def inputs(self) -> tuple[str, ...]:
        return ("reference",) if self.environments.reference == "erm" else ()

    @property
    def reads(self) -> tuple[str, ...]:
        own = ("environments.reference", "environments.eiil_steps", "environments.eiil_lr")
        return (*own, *REFERENCE_SETTINGS)

    def run(self, context: "StageContext") -> None:
        import numpy as np
        import torch

        from core.invariance.eiil import SoftAssignment, optimise, split
        from core.invariance.environments import require_two
        from core.invariance.makeup import reference_warning
        from core.invariance.penalty import sample_losses, scale_gradients

        settings = self.environments
        labels = torch.from_numpy(context.data.splits["train"].labels).to(context.device)
        logits = self._logits(context)
        guesses = (logits > 0).long() if logits.dim() == 2 else logits.argmax(-1)
        finding = reference_warning((guesses == labels).float().mean().item())
        assignment = SoftAssignment(
            scale_gradients(logits, labels)[0], context.generator("eiil", context.device), lr=settings.eiil_lr
        )
        optimise(context, assignment, settings.eiil_steps)
        found = split(assignment.q > 0.5, sample_losses(logits, labels)[0])
        warn(context, [finding] if finding else [])
        require_two(found)
        worse = np.zeros(len(labels), dtype=np.bool_)
        worse[found.samples[0]] = True
        reference = "an ERM network" if settings.reference == "erm" else "the attribute"
        save(context, found, f"EIIL, reference: {reference}", worse)

    def _logits(self, context: "StageContext") -> "Tensor":
        """Logits of the reference on the training split, [1, n] or [1, n, classes]."""
        import torch

        if self.environments.reference == "erm":
            from core.invariance.members import reference_logits

            return reference_logits(context, self.train)
        data = context.data
        if len(data.attributes) != 1 or len(data.label_names) != 2:
            raise InputError(f"data set '{data.name}' needs one attribute and two labels for environments.reference")
        attribute = torch.from_numpy(data.splits["train"].attributes[:, 0]).to(context.device)
        labels = torch.from_numpy(data.splits["train"].labels).to(context.device)
        # The log-odds of the label given the attribute: the optimal prediction.
        share = (attribute == labels).float().mean().clamp(1e-6, 1 - 1e-6)
        return ((2.0 * attribute - 1) * torch.logit(share))[None]
