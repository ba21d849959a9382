"""The network that is kept is the best of all in the worst cell of validation, and its head the mean of several."""

import pytest
from safetensors.torch import load_file

from core.artifacts import MODEL
from core.events import Logged, NetworkKept, Warned
from core.groups import Evaluation
from core.runs.folder import RunFolder
from core.runs.home import Home
from tests.engine.lab import events, finished

SOURCES = ("erm", "prune", "finetune", "head")


@pytest.fixture
def home(tmp_path) -> Home:
    return Home.open(tmp_path / "home")


def cell(folder: RunFolder, stage: str) -> float:
    value = folder.record().stage(stage).evaluations["validation"]
    found = Evaluation.from_json("validation", value).worst_cell
    assert found is not None
    return found.accuracy


@pytest.mark.parametrize(
    ("overrides", "warned"),
    [
        (("find.by=groups",), False),
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
    assert cells[kept.source] == max(cells.values()) == cell(folder, "best")
    assert cells["finetune"] == cell(folder, "finetune")
    assert known["test"] == folder.record().stage(kept.source).evaluations["test"]
    assert f"{kept.source} is kept" in kept.line()
    codes = [event.code for event in events(folder) if isinstance(event, Warned) and event.stage == "best"]
    assert codes == (["erm-kept"] if warned else [])
    ours, theirs = (load_file(folder.artifacts(stage) / MODEL) for stage in ("best", kept.source))
    assert ours.keys() == theirs.keys()
    assert all((tensor == theirs[name]).all() for name, tensor in ours.items())


def test_a_head_of_several_draws_is_the_mean_of_their_heads(home):
    """With the draws of two runs known from the first, the mean of n is (Σ heads)/n."""
    weights = []
    for draws in (1, 2, 3):
        folder = finished(home, "last-layer", f"head.draws={draws}", "head.penalty=0.1", "find.by=groups")
        state = load_file(folder.artifacts("head") / MODEL)
        weights.append(next(tensor for name, tensor in state.items() if name.endswith("head.weight")).double())
    one, two, three = weights
    second, third = 2 * two - one, 3 * three - 2 * two
    assert not (second == one).all()
    assert (second - third).abs().max() < 10 * (second - one).abs().max()


def test_the_penalty_of_the_head_is_chosen_by_the_worst_cell(home):
    free = finished(home, "last-layer", "find.by=groups", "head.draws=1")
    (said,) = [e.text for e in events(free) if isinstance(e, Logged) and "penalty" in e.text]
    chosen = float(said.split()[2].rstrip(","))
    cells = {}
    for penalty in (1e-4, 1e-3, 1e-2, 1e-1):
        fixed = finished(home, "last-layer", "find.by=groups", "head.draws=1", f"head.penalty={penalty}")
        cells[penalty] = cell(fixed, "head")
    assert cells[chosen] == max(cells.values()) == cell(free, "head")
