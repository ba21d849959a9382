"""Checkpoints are replaced whole; random streams are named, apart, and can be put back."""

import os
from pathlib import Path
from typing import Any

import pytest
import torch

from core.engine.checkpoints import load_checkpoint, save_checkpoint
from core.engine.randomness import Streams, derive_seed
from tests.engine.lab import CPU


@pytest.mark.parametrize("broken", ["torch.save", "os.fsync"])
def test_a_write_that_fails_leaves_the_old_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    path = tmp_path / "checkpoints" / "erm.pt"
    save_checkpoint(path, {"step": 1})

    def fail(*args: Any) -> None:
        raise OSError("broken")

    with monkeypatch.context() as patch:
        patch.setattr(broken, fail)
        with pytest.raises(OSError, match="broken"):
            save_checkpoint(path, {"step": 2})
    assert load_checkpoint(path) == {"step": 1}
    assert list(path.parent.iterdir()) == [path]


def test_a_checkpoint_that_holds_code_is_not_loaded(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> Any:
            return os.mkdir, (str(tmp_path / "run"),)

    torch.save({"state": Evil()}, tmp_path / "erm.pt")
    with pytest.raises(Exception, match=r"[Ww]eights.only"):
        load_checkpoint(tmp_path / "erm.pt")
    assert not (tmp_path / "run").exists()


def test_every_stream_has_a_seed_of_its_own() -> None:
    names = [("erm", "order"), ("erm", "global"), ("prune", "order"), ("prune", "mask"), ("erm", "or", "der")]
    seeds = {derive_seed(seed, *name) for seed in range(50) for name in [*names, ("e", "rmorder")]}
    assert len(seeds) == 50 * 6
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_a_seed_does_not_change_between_versions() -> None:
    assert derive_seed(0, "erm", "order") == 5742869965165185043


def draw(generator: torch.Generator) -> list[float]:
    return torch.rand(5, generator=generator).tolist()


def test_one_stream_does_not_depend_on_what_others_draw() -> None:
    alone, beside = Streams(0, "prune"), Streams(0, "prune")
    draw(beside.generator("order"))
    Streams(0, "erm").generator("mask").seed()
    torch.rand(3)
    assert draw(beside.generator("mask")) == draw(alone.generator("mask"))


def test_the_same_stream_goes_on_from_call_to_call() -> None:
    streams = Streams(0, "prune")
    assert draw(streams.generator("mask")) != draw(streams.generator("mask"))


def test_streams_go_on_where_their_state_was_taken(tmp_path: Path) -> None:
    streams = Streams(3, "prune")
    draw(streams.generator("mask"))
    streams.seed_global(CPU)
    torch.rand(2)
    save_checkpoint(tmp_path / "streams.pt", streams.state_dict(CPU))
    expected = draw(streams.generator("mask")), draw(streams.generator("order")), torch.rand(4).tolist()

    torch.seed()
    restored = Streams(3, "prune")
    mask = restored.generator("mask")
    draw(mask)
    restored.load_state_dict(load_checkpoint(tmp_path / "streams.pt"), CPU)
    assert (draw(mask), draw(restored.generator("order")), torch.rand(4).tolist()) == expected


def test_the_global_generator_follows_seed_and_stage() -> None:
    def first(seed: int, stage: str) -> float:
        torch.seed()
        Streams(seed, stage).seed_global(CPU)
        return torch.rand(1).item()

    assert first(0, "erm") == first(0, "erm")
    assert len({first(0, "erm"), first(1, "erm"), first(0, "prune")}) == 3
