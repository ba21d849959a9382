"""`compute.precision=auto`: chosen when a run begins, kept when it is resumed, and the same for all runs of a home."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import ClassVar

import pytest

from core.config import Compute, Config
from core.engine import peer
from core.engine.peer import Call
from core.engine.stage import Pipeline, Stage
from core.events import Logged
from core.training import trial
from core.training.trial import Trial
from experiments.launch import create_run
from tests.engine.lab import CPU, After, assert_same_results, events, finished, go_on, plan_of

AUTO = "compute.precision=auto"
ERM = ("erm.epochs=0.12", "erm.keep_epochs=[0.12]", "select.looks=1")
"""Few steps: where a CPU has no units for bf16, each takes ten times as long as in fp32."""


@pytest.fixture
def trials(monkeypatch):
    """The devices of all trials so far; each finds bf16 to be faster."""
    taken = []

    def try_precisions(config, data, device, batch_size):
        taken.append((config.model.name, len(data.label_names), batch_size, str(device)))
        return Trial(fp32=0.2, bf16=0.1, images=batch_size)

    monkeypatch.setattr(trial, "try_precisions", try_precisions)
    return taken


def said(folder):
    return [e.text for e in events(folder) if isinstance(e, Logged) and e.text.startswith("precision: ")]


def test_the_run_is_that_of_the_chosen_precision_and_shares_its_stages(home, trials):
    chosen = finished(home, "erm", AUTO, *ERM)
    assert trials == [("digits-cnn", 2, 32, "cpu")]
    assert chosen.record().precision == "bf16"
    assert chosen.record().config["compute"]["precision"] == "auto"
    assert said(chosen) == [
        "precision: bf16, as a training step with 32 images takes 100.0 ms in bf16 and 200.0 ms in fp32; "
        "--precision overrides"
    ]
    named = finished(home, "erm", "compute.precision=bf16", *ERM)
    assert named.record().precision == ""
    assert named.record().stage("erm").reused == chosen.id


def test_a_real_trial_changes_no_bit_of_the_run(home, monkeypatch):
    monkeypatch.setattr(trial, "WORTH", 0.0)
    chosen = finished(home, "erm", AUTO, *ERM)
    assert chosen.record().precision == "fp32"
    assert_same_results(finished(home, "erm", *ERM, fresh=True), chosen)


def test_a_resumed_run_keeps_what_was_chosen(home, trials, monkeypatch):
    folder = create_run(home, plan_of("erm", AUTO, *ERM))
    assert go_on(folder, After(2)) == "stopped"
    assert folder.checkpoint("erm").exists()
    home.trials.unlink()
    monkeypatch.setattr(trial, "try_precisions", None)
    assert go_on(folder) == "finished"
    assert len(said(folder)) == 1
    assert_same_results(folder, finished(home, "erm", "compute.precision=bf16", *ERM, fresh=True))


def test_later_runs_choose_the_same_without_a_trial_and_share_the_stages(home, trials):
    first = finished(home, "erm", AUTO, *ERM)
    second = finished(home, "erm", AUTO, *ERM)
    assert len(trials) == 1
    assert second.record().stage("erm").reused == first.id
    assert said(second) == ["precision: bf16, as an earlier run chose it on this device; --precision overrides"]
    finished(home, "erm", AUTO, "erm.batch_size=16", *ERM)
    assert [batch for _, _, batch, _ in trials] == [32, 16]


def test_a_damaged_file_of_choices_means_another_trial(home, trials):
    home.trials.write_text("[1")
    assert finished(home, "erm", AUTO, *ERM).record().precision == "bf16"
    assert len(trials) == 1


def test_a_deterministic_run_makes_no_trial(home, trials):
    folder = finished(home, "erm", AUTO, "deterministic=true", *ERM)
    assert (folder.record().precision, trials) == ("fp32", [])
    assert said(folder)[0].startswith("precision: fp32, as exactly reproducible results ")


def test_a_named_precision_makes_no_trial(home, trials):
    folder = finished(home, "erm", AUTO, "compute.precision=fp32", *ERM)
    assert (folder.record().precision, trials, said(folder)) == ("", [], [])


def test_a_process_that_shares_the_work_computes_in_the_chosen_precision(home, monkeypatch):
    seen = []

    @dataclass(frozen=True)
    class Seen(Stage):
        compute: Compute
        name: ClassVar[str] = "seen"

        def run(self, context):
            seen.append(self.compute.precision)

    calls = iter([Call("seen", False, "bf16"), Call("seen", False), None])
    monkeypatch.setattr(peer, "formed", lambda: SimpleNamespace(rank=1, tell=lambda: next(calls)))
    pipeline = Pipeline((Seen(Compute(precision="fp16")),), identify=lambda *_: "", load_data=lambda *_: None)
    assert peer.Peer(create_run(home, plan_of("erm")), pipeline, Config(), CPU).run() == ""
    assert seen == ["bf16", "fp16"]
