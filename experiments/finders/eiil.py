"""Environments of EIIL (Creager, Jacobsen and Zemel, ICML 2021, arXiv 2010.07249) as pseudo-groups.

Published: soft assignments of the training samples to two environments, which maximise the invariance penalty of a
reference trained by ERM; 10,000 steps of Adam at 0.001.

Ours: the reference is an early checkpoint. The samples of the worse fitted environment are the conflicts; their
attribute is the most likely class other than the label (with two classes: label xor environment), that of all others
the label. Adam's ε is smaller, so that well fitted samples leave their random start, too. EIIL assigns no validation
samples; here, a logistic regression on the representation of the checkpoint does. Supervision: none.
"""

from core.config import Config
from core.engine.stage import Stage
from core.stages.eiil import Eiil, FindByEiil
from experiments.finder import Finder


def stages(config: Config) -> tuple[Stage, ...]:
    """Split the training samples by the penalty of the early checkpoint."""
    trained = None if config.model.checkpoint else config.erm
    return (FindByEiil(config.section(Eiil), trained, config.model),)


EIIL = Finder(
    name="eiil",
    summary="The environment in which an early checkpoint of ERM is least invariant, as in EIIL.",
    stages=stages,
)
