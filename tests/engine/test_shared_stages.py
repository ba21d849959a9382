"""Two processes that share the stages of a run: stop, resume, and who writes what."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from core.engine.peer import Peer
from core.errors import StageError
from core.events import RunStarted, StageStarted
from core.parallel import Team, form, formed
from core.runs.folder import RunFolder
from core.runs.home import Home
from experiments.plan import config_of
from tests.engine.lab import (
    CPU,
    After,
    assert_same_results,
    copied,
    events,
    finished,
    forked_after,
    go_on,
    lines_are_whole,
    never,
    pipeline_of,
    plan_of,
    tensor_files,
)
from tests.pair import in_two_processes

STAGES = "balance"
"""The last stage that is taken over from an uninterrupted run."""


def _process(rank: int, meeting: Path, home: Path, work: list[tuple[str, int | None]]) -> None:
    """Go on with runs one after the other, each until the stop is asked for as often as said."""
    torch.set_num_threads(1)
    with form(rank, (CPU, CPU), init_method=f"file://{meeting}"):
        for id, calls in work:
            folder = RunFolder.open(Home(home), id)
            config = config_of(folder.record())
            if rank == 0:
                go_on(folder, never if calls is None else After(calls), fresh=True)
                formed().tell()
            else:
                assert Peer(folder, pipeline_of(config), config, CPU).run() == ""


@pytest.fixture(scope="module")
def shared(whole: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> dict[str, RunFolder]:
    """Runs of two processes in one home with an uninterrupted run of one process, all from the same balanced set."""
    home = Home.open(tmp_path_factory.mktemp("home"))
    source = copied(whole, home)
    runs = {name: forked_after(source, STAGES, plan_of()) for name in ("through", "again", "prune", "finetune")}
    # A stop is asked for before a stage, before each step, and before each batch of two evaluations and the final one.
    prune = 1 + 6 + 2 * 2 + 2
    in_prune, in_finetune = 1 + 3, prune + 1 + 2
    work = [("through", None), ("again", in_prune), ("again", None), ("prune", in_prune), ("finetune", in_finetune)]
    meeting = tmp_path_factory.mktemp("two") / "meeting"
    in_two_processes(_process, meeting, home.root, [(runs[name].id, calls) for name, calls in work])
    return runs


def assert_close(ours: RunFolder, theirs: RunFolder) -> None:
    files = tensor_files(ours)
    assert files.keys() == tensor_files(theirs).keys()
    for name, file in files.items():
        expected = load_file(tensor_files(theirs)[name])
        for key, tensor in load_file(file).items():
            apart = (tensor.double() - expected[key].double()).abs()
            # Not the largest: Adam takes whole steps along gradients that are rounding errors.
            assert apart.mean() < 1e-4 * (1 + expected[key].double().abs().mean()), f"{name}: {key}"
    for one, other in zip(ours.record().stages, theirs.record().stages, strict=True):
        assert one.status == other.status == "done"
        assert one.evaluations == other.evaluations, one.name
        assert one.key == other.key, one.name  # so a run on one device reuses it


def test_two_processes_end_where_one_does(shared: dict[str, RunFolder], whole: RunFolder) -> None:
    assert shared["through"].status() == "finished", shared["through"].record().reason
    assert_close(shared["through"], whole)


def test_a_run_of_two_that_was_stopped_goes_on_to_the_same_bits(shared: dict[str, RunFolder]) -> None:
    starts = [e.start for e in events(shared["again"]) if isinstance(e, StageStarted) and e.stage == "prune"]
    assert starts == [0, 3]
    assert_same_results(shared["again"], shared["through"])


@pytest.mark.parametrize("stage", ["prune", "finetune"])
def test_one_process_goes_on_with_what_two_have_begun(
    shared: dict[str, RunFolder], whole: RunFolder, stage: str
) -> None:
    folder = shared[stage]
    assert folder.status() == "stopped"
    assert folder.checkpoint(stage).exists()
    assert go_on(folder, fresh=True) == "finished"
    assert_close(folder, whole)


def test_one_process_writes_and_nothing_is_left_of_the_other(shared: dict[str, RunFolder]) -> None:
    folder = shared["through"]
    assert lines_are_whole(folder)
    assert [e.device for e in events(folder) if isinstance(e, RunStarted)] == ["cpu,cpu"]
    assert folder.record().device == "cpu,cpu"
    stages = [e.stage for e in events(folder) if isinstance(e, StageStarted)]
    assert stages == ["prune", "finetune", "head", "best"]
    assert not list((folder.path / "artifacts").glob(".*"))


def test_the_first_reason_counts(tmp_path: Path) -> None:
    team = [Team(rank, (CPU, CPU), tmp_path / "failure") for rank in range(2)]
    assert team[1].blame("prune: out of memory") == "prune: out of memory"
    assert team[0].blame("prune: connection closed") == "prune: out of memory"
    assert Team().blame("alone") == "alone"


def test_what_a_process_cannot_do_is_said_with_its_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = finished(Home.open(tmp_path / "home"), "erm")

    class Told(Team):
        def tell(self, value: object = None) -> object:
            return ("erm", False)

    def broken(*_: object) -> None:
        raise StageError("the disk of this process is full", "free some space")

    monkeypatch.setattr("core.parallel._formed", Told(1, (CPU, CPU), tmp_path / "failure"))
    monkeypatch.setattr("core.stages.erm.TrainErm.run", broken)
    config = config_of(folder.record())
    reason = Peer(folder, pipeline_of(config), config, CPU).run()
    assert reason == "erm: the disk of this process is full; free some space"
    assert (tmp_path / "failure").read_text() == reason
    assert not list((folder.path / "artifacts").glob(".*"))
