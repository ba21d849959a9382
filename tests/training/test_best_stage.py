"""Stage `best` with a network that favours a class: it is kept with offsets, judged on images that they do not know."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from core.artifacts import MODEL, predictions_file
from core.config import Model
from core.data.dataset import DataSet, Split
from core.engine.artifacts import Sealed, seal
from core.events import DoubtSettled, Evaluated, NetworkKept, Warned
from core.finding.pseudo_groups import PseudoGroups
from core.finding.quality import NO_SUPPORT
from core.groups import Evaluation, Group
from core.stages import best
from core.stages.best import Best, Candidate, KeepBest
from core.training.dfr import halves
from core.training.images import Images
from core.training.network import new_network
from core.training.predict import outputs, predict
from tests.training.stage_lab import CPU, context_of, run_folder


def bright(n=400):
    """Two labels that the brightness tells, with noise; two colours that mean nothing."""
    random = np.random.default_rng(0)

    def split():
        labels = random.integers(0, 2, n)
        pixels = 90 + 60 * labels[:, None, None, None] + random.normal(0, 35, (n, 1, 1, 1)) + np.zeros((n, 3, 4, 4))
        return Split(pixels.clip(0, 255).astype(np.uint8), labels, random.integers(0, 2, (n, 1)), np.arange(n))

    splits = {name: split() for name in ("train", "validation", "test")}
    return DataSet("bright", ("dark", "bright"), {"colour": ("red", "green")}, splits, (0.5,) * 3, (0.3,) * 3, "")


class Judged:
    """A run in which ERM often says the first class, and fine-tuning learned both but says it even more often."""

    def __init__(self, folder, data, *, favours=4.0, learned=True, groups=True):
        self.events = []
        self.context = context_of(run_folder(folder), data, stage="best", events=self.events)
        self.data = data
        network = new_network(Model(name="mlp"), data)
        nothing = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        images = Images(data, "train", CPU)
        optimizer = torch.optim.Adam(network.parameters(), 1e-3)
        for _ in range(200):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(network(images.plain(torch.arange(400))), images.labels).backward()
            optimizer.step()
        classes = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        self.bias = [name for name in classes if name.endswith("bias")][-1]
        for stage, state, extra in (("erm", classes, 2.5), ("finetune", classes if learned else nothing, favours)):
            moved = {**state, self.bias: state[self.bias] + torch.tensor([extra, 0.0])}
            network.load_state_dict(moved)
            to = self.context.input(stage)
            to.mkdir(parents=True)
            save_file(moved, to / MODEL)
            for split in ("validation", "test"):
                found = predict(network.eval(), Images(data, split, CPU))
                save_file({"classes": found.classes, "probabilities": found.probabilities}, predictions_file(to, split))
        self.context.input("find").mkdir(parents=True)
        train, validation = (data.splits[name].attributes[:, 0] for name in ("train", "validation"))
        found = PseudoGroups("test", ("a", "b"), train, train < 0, validation if groups else None)
        found.save(self.context.input("find"))

    def keep(self, **settings):
        KeepBest(Best(), Model(name="mlp"), ("erm", "finetune"), **settings).run(self.context)
        (kept,) = [event for event in self.events if isinstance(event, NetworkKept)]
        return kept

    def bias_of(self, folder):
        return load_file(folder / MODEL)[self.bias]


@pytest.fixture
def data():
    torch.manual_seed(0)
    return bright()


def test_a_network_that_favours_a_class_is_kept_with_offsets_that_put_it_right(tmp_path, data):
    run = Judged(tmp_path, data)
    kept = run.keep()
    made = run.context.directory
    assert kept.source == "finetune"
    assert kept.candidates["finetune"]["worst_cell"] > 0.7
    gap = run.bias_of(made) - run.bias_of(run.context.input("finetune"))
    assert gap[1] - gap[0] == pytest.approx(4, abs=1)
    assert f"{gap[0]:+.2f} for dark, {gap[1]:+.2f} for bright" in kept.reason
    state = load_file(run.context.input("finetune") / MODEL)
    for name, tensor in load_file(made / MODEL).items():
        assert name == run.bias or torch.equal(tensor, state[name])
    network = new_network(Model(name="mlp"), data)
    network.load_state_dict(load_file(made / MODEL))
    itself = predict(network.eval(), Images(data, "test", CPU)).classes
    assert torch.equal(load_file(predictions_file(made, "test"))["classes"], itself)
    assert {event.split for event in run.events if isinstance(event, Evaluated)} == {"validation", "test"}


def test_each_half_of_validation_is_judged_with_the_offsets_of_the_other(tmp_path, data):
    run = Judged(tmp_path, data)
    run.keep()
    network = new_network(Model(name="mlp"), data)
    network.load_state_dict(load_file(run.context.input("finetune") / MODEL))
    logits = outputs(network.eval(), Images(data, "validation", CPU))
    classes = load_file(predictions_file(run.context.directory, "validation"))["classes"]
    split = data.splits["validation"]
    random = np.random.default_rng(run.context.streams.seed("halves"))
    limits = []
    for rows in halves(split.attributes[:, 0] * 2 + split.labels, random):
        lead = (logits[:, 0] - logits[:, 1])[rows]
        assert lead[classes[rows] == 1].max() < lead[classes[rows] == 0].min()  # one threshold for each half
        limits.append(float(lead[classes[rows] == 0].min()))
    assert limits[0] != limits[1]


@pytest.mark.parametrize(
    ("made", "settings", "source"),
    [
        ({"favours": 0.5}, {}, "finetune"),
        ({}, {"as_they_are": ("erm", "finetune")}, "erm"),
        ({"learned": False}, {}, "erm"),
        ({"groups": False}, {}, "erm"),
    ],
    ids=["nothing to gain", "as it is", "learned nothing", "no pseudo-groups"],
)
def test_otherwise_a_network_is_kept_as_it_is(tmp_path, data, made, settings, source):
    run = Judged(tmp_path, data, **made)
    kept = run.keep(**settings)
    assert (kept.source, "offsets" in kept.reason) == (source, False)
    assert torch.equal(run.bias_of(run.context.directory), run.bias_of(run.context.input(source)))
    assert ("erm-kept" in {e.code for e in run.events if isinstance(e, Warned)}) == (source == "erm")


def doubted(run):
    """The same run, whose finder has been doubted."""
    find, doubt = run.context.input("find"), Warned("find", NO_SUPPORT, "may be hard or mislabelled")
    seal(find.rename(find.with_name(".find.partial")), find, Sealed("key", 0.0, (doubt,)))
    return run


@pytest.mark.parametrize(
    ("made", "settled"),
    [({}, True), ({"learned": False}, False), ({"groups": False, "favours": 0.5}, False)],
    ids=["learned", "learned nothing", "no pseudo-groups"],
)
def test_a_doubt_is_settled_by_a_network_that_is_better_in_the_worst_cell(tmp_path, data, made, settled):
    run = doubted(Judged(tmp_path, data, **made))
    run.keep()
    told = [event for event in run.events if isinstance(event, DoubtSettled)]
    assert [event.code for event in told] == [NO_SUPPORT] * settled
    if settled:
        assert "no longer doubted: their worst cell on validation rises" in told[0].line()


def test_without_a_doubt_there_is_nothing_to_settle(tmp_path, data):
    run = Judged(tmp_path, data)
    run.keep()
    assert not [event for event in run.events if isinstance(event, DoubtSettled)]


@pytest.mark.parametrize(
    ("cells", "settled", "warned"),
    [((85, 90), True, False), ((11, 99), False, False), ((50, 57), True, False), ((50, 50), False, True)],
    ids=["learned", "too little", "hardly worse", "worse"],
)
def test_a_gain_that_costs_much_on_average_settles_nothing_and_is_a_warning(tmp_path, data, cells, settled, warned):
    run = doubted(Judged(tmp_path, data))
    before, after = (
        replace(judged("any", *of).evaluation, groups=(Group("dark", {}, 200, sum(of)),)) for of in ((10, 99), cells)
    )
    best._weigh(run.context, before, after)
    assert [type(event) for event in run.events] == [DoubtSettled] * settled + [Warned] * warned
    assert [event.code for event in run.events if isinstance(event, Warned)] == ["costly"] * warned


def judged(source, *hits, small=()):
    """A candidate with the correct of 100 images in every cell, and of 9 in some small ones."""
    cells = [Group("dark", {"pseudo-group": str(i)}, 100, correct) for i, correct in enumerate(hits)]
    cells += [Group("bright", {"pseudo-group": str(i)}, 9, correct) for i, correct in enumerate(small)]
    return Candidate(source, Evaluation("validation", (Group("dark", {}, 100, 50),), (1.0,), tuple(cells)))


@pytest.mark.parametrize(
    ("candidates", "source"),
    [
        ([judged("erm", 30, 99), judged("prune", 70, 72), judged("head", 75, 76)], "head"),
        ([judged("erm", 30, 99), judged("prune", 74, 90), judged("head", 75, 76)], "prune"),
        ([judged("erm", 72, 99), judged("prune", 74, 90), judged("head", 75, 76)], "prune"),
        ([judged("erm", 74, 99), judged("prune", 74, 90), judged("head", 75, 76)], "erm"),
        ([judged("erm", 74, 80), judged("prune", 74, 80)], "erm"),
        ([judged("erm", 74, 80, small=(0,)), judged("prune", 75, 75, small=(9,))], "erm"),
    ],
)
def test_of_networks_that_validation_hardly_tells_apart_the_best_over_all_cells_is_kept(candidates, source):
    assert best._best(candidates, 0.5).source == source


@pytest.mark.parametrize(
    ("average", "source"),
    [(0.97, "head"), (0.82, "head"), (0.74, "erm"), (0.65, "erm")],
)
def test_a_network_that_pays_for_the_worst_cell_with_the_average_is_not_kept(average, source):
    """As with mislabelled samples: ERM is wrong about them all, and right about nearly all others."""

    def of(name, cell, average):
        groups = (Group("dark", {}, 1000, round(1000 * average)),)
        candidate = judged(name, round(100 * cell), 99)
        return replace(candidate, evaluation=replace(candidate.evaluation, groups=groups))

    candidates = [of("erm", 0.0, 0.87), of("head", 0.45, average)]
    assert best._best(candidates, 0.5).source == source
