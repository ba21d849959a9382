"""The network that is kept is the best of all in the worst cell of validation, and its head the mean of several."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from core.artifacts import BALANCED, MODEL
from core.engine.randomness import Streams
from core.events import Logged, NetworkKept, Warned
from core.finding.balanced import draw_balanced
from core.finding.pseudo_groups import PseudoGroups
from core.finding.quality import MARGIN
from core.groups import Evaluation
from core.models.representation import find_head
from core.runs.folder import RunFolder
from core.training.head import fit_head, represent
from core.training.images import Images
from core.training.network import load_network
from experiments.plan import config_of
from tests.engine.lab import CPU, events, finished, pipeline_of

SOURCES = ("erm", "prune", "finetune", "head")


def cell(folder: RunFolder, stage: str) -> float:
    value = folder.record().stage(stage).evaluations["validation"]
    found = Evaluation.from_json("validation", value).worst_cell
    assert found is not None
    return found.accuracy


@pytest.mark.parametrize(
    ("overrides", "warned"),
    [
        (("find.by=groups", "best.offsets=false"), False),
        # Masks at that rate prune everything, and so short a fine-tuning does not repair them.
        (("find.by=random", "prune.lr=9", "finetune.steps=1", "head.penalty=1e9", "erm.epochs=1"), True),
    ],
)
def test_the_kept_network_has_the_best_worst_cell_of_all_and_erm_is_one_of_them(home, overrides, warned):
    folder = finished(home, "prusc", *overrides)
    (kept,) = [event for event in events(folder) if isinstance(event, NetworkKept)]
    assert tuple(kept.candidates) == SOURCES
    cells = {source: value["worst_cell"] for source, value in kept.candidates.items()}
    known = folder.record().stages[-1].evaluations
    assert max(cells.values()) - MARGIN <= cells[kept.source] == cell(folder, "best")
    assert cells["finetune"] == cell(folder, "finetune")
    assert known["test"] == folder.record().stage(kept.source).evaluations["test"]
    assert f"{kept.source} is kept" in kept.line()
    codes = [event.code for event in events(folder) if isinstance(event, Warned) and event.stage == "best"]
    assert codes == (["erm-kept"] if warned else [])
    ours, theirs = (load_file(folder.artifacts(stage) / MODEL) for stage in ("best", kept.source))
    assert ours.keys() == theirs.keys()
    assert all((tensor == theirs[name]).all() for name, tensor in ours.items())


def test_a_head_of_several_draws_is_the_mean_of_heads_fitted_on_sets_of_their_own(home):
    folder = finished(home, "last-layer", "head.draws=3", "head.penalty=0.1", "find.by=groups")
    config = config_of(folder.record())
    data = pipeline_of(config).load_data()
    labels = data.splits["train"].labels
    network = load_network(config.model, data, folder.artifacts("erm") / MODEL, CPU)
    features = represent(network, Images(data, "train", CPU), torch.arange(len(labels)))
    groups, streams = PseudoGroups.load(folder.artifacts("find")), Streams(config.seed, "head")
    sets = [load_file(folder.artifacts("balance") / BALANCED)["indices"].numpy()]
    sets += [draw_balanced(groups, labels, 2, config.balance, streams.seed(f"draw-{n}")).indices for n in (1, 2)]
    heads = [fit_head(features[rows], labels[rows], np.ones(len(rows), np.float32), 0.1) for rows in sets]
    assert np.abs(heads[0][0] - heads[1][0]).max() > 1e-3, "the draws differ"
    state = load_file(folder.artifacts("head") / MODEL)
    name = find_head(network)[0]
    for found, fitted in ((state[f"{name}.weight"], 0), (state[f"{name}.bias"], 1)):
        np.testing.assert_allclose(found.numpy(), np.mean([head[fitted] for head in heads], axis=0), atol=1e-5)


def test_the_penalty_of_the_head_is_chosen_by_the_worst_cell(home):
    free = finished(home, "last-layer", "find.by=groups", "head.draws=1")
    (said,) = [e.text for e in events(free) if isinstance(e, Logged) and "penalty" in e.text]
    chosen = float(said.split()[2].rstrip(","))
    cells = {}
    for penalty in (1e-4, 1e-3, 1e-2, 1e-1):
        fixed = finished(home, "last-layer", "find.by=groups", "head.draws=1", f"head.penalty={penalty}")
        cells[penalty] = cell(fixed, "head")
    assert cells[chosen] == max(cells.values()) == cell(free, "head")
