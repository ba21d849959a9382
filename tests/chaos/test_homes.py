"""Homes with strange names, read-only homes, and homes on a disk that fills up."""

import os
import subprocess
from pathlib import Path

import pytest

from core.runs.folder import RunFolder
from core.runs.home import Home
from tests.chaos.attacks import rounds
from tests.chaos.child import Child, host, run
from tests.chaos.lab import SMALL, assert_intact, assert_readable, copied, finish, fork_at, new_run
from tests.engine.lab import TINY

WORDS = [word for setting in (*TINY, *SMALL) for word in ("--set", setting)]
STRANGE = (" spaces ", "two\nlines", "日本語", "-rf", "[bold]x", "$HOME", "a;b", "%s{0}")


@pytest.fixture(autouse=True, scope="module")
def imported(whole):
    """Everything that a run imports, here and not in every process."""
    whole("erm")


def prusc(home, *words):
    """Exit code, output and errors of a command."""
    child = Child(host, Path(home), words)
    assert child.says() == "up"
    return child.says()


def one_sentence(said, code=2):
    assert said[0] == code, said
    assert said[2].startswith("error: ")
    assert said[2].count("\n") == 1
    return said[2]


@pytest.mark.parametrize(
    ("name", "linked"),
    [
        pytest.param("a home\nwith Ünïcödé, 空格 ☃ and 'quotes' \"", True, id="all"),
        *(
            pytest.param(name, bool(number % 2), id=str(number), marks=pytest.mark.chaos)
            for number, name in enumerate(STRANGE)
        ),
    ],
)
def test_a_home_may_have_any_name_and_be_a_link(name, linked, tmp_path, tried):
    home = tmp_path / name
    if linked:
        (tmp_path / "elsewhere").mkdir()
        home.symlink_to(tmp_path / "elsewhere")
    assert prusc(home, "run", "erm", *WORDS, "--name", "one")[0] == 0
    for words in (
        ("ls",), ("show", "one"), ("watch", "one", "--once"), ("index", "rebuild"), ("queue",),
        ("export", "one", "--to", str(tmp_path / "out")), ("rm", "one", "--yes"),
    ):  # fmt: skip
        code, _, err = prusc(home, *words)
        assert (code, err) == (0, ""), words
    assert name not in one_sentence(prusc(home, "show", "one")) or "\n" not in name
    assert list(Home.open(home).runs.iterdir()) == []
    assert home.is_symlink() == linked
    tried["home with a strange name" + " behind a link" * linked] += 1


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 64 MB; needs a user that may mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "none", place], capture_output=True).returncode:
        pytest.skip("needs the right to mount a file system")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


CHANGES = (
    ("run", "erm"), ("run", "erm", "--queue"), ("run", "erm", "--detach"), ("resume", "one"), ("rm", "one", "--yes"),
    ("index", "rebuild"), ("queue", "set", "--slots", "1"),
    ("sweep", "erm", "--seeds", "0-1", "--name", "two", "--detach"),
)  # fmt: skip
LOOKS = (("ls",), ("show", "one"), ("watch", "one", "--once"), ("queue",), ("ls", "--json"))


def test_a_read_only_home_is_shown_and_each_change_is_refused_in_one_sentence(small_disk, tried):
    home = Home.open(small_disk / "home")
    folder = new_run(home, "erm", *SMALL)
    folder.update(name="one", status="stopped")
    prusc(home.root, "index", "rebuild")
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    for words in LOOKS:
        code, _, err = prusc(home.root, *words)
        assert (code, err) == (0, ""), words
        tried["look at a read-only home"] += 1
    for words in CHANGES:
        assert "writ" in one_sentence(prusc(home.root, *words)), words
        tried["change in a read-only home"] += 1


@pytest.mark.chaos
@pytest.mark.parametrize(("recipe", "seconds"), [("erm", 10), ("prusc", 25), ("irm", 15)])
def test_a_disk_that_fills_up_at_any_moment_of_any_stage_loses_nothing(recipe, seconds, small_disk, whole, rng, tried):
    source = whole(recipe)
    stages = [stage.name for stage in source.record().stages]
    for number in rounds(seconds, least=len(stages)):
        home = copied(source.home, small_disk / "home")
        hit = fork_at(RunFolder.open(home, source.id), stages[number % len(stages)])
        files = (source.artifacts(stages[number % len(stages)])).rglob("*")
        need = sum(path.stat().st_size for path in files if path.is_file()) + 50_000
        free = os.statvfs(small_disk)
        filler = small_disk / "filler"
        with filler.open("wb") as file:
            file.write(bytes(max(0, free.f_bavail * free.f_frsize - rng.randrange(2 * need))))
        child = Child(run, home.root, hit.id, 0.0)
        assert child.ends() == 0
        assert_readable(hit, index_was_full=True)
        filler.unlink()
        if hit.status() == "failed":
            at, _, reason = hit.record().reason.partition(": ")
            assert reason == "the disk is full; free some space, then resume the run"
            tried[f"full disk in stage {at} of {recipe}"] += 1
        elif hit.status() == "lost":
            tried["full disk that nothing could be written to"] += 1
        if hit.status() != "finished":
            finish(hit)
        assert_intact(hit, source)
        subprocess.run(["rm", "-r", home.root], check=True)


@pytest.mark.chaos
def test_a_full_disk_is_one_sentence_in_every_command_that_writes(small_disk, tried):
    home = Home.open(small_disk / "home")
    folder = new_run(home, "erm", *SMALL)
    folder.update(name="one", status="stopped")
    prusc(home.root, "index", "rebuild")
    before = folder.record()
    filled = subprocess.run(["dd", "if=/dev/zero", f"of={small_disk}/filler", "bs=4k"], capture_output=True)
    assert b"No space left" in filled.stderr
    for words in CHANGES:
        if words[0] != "rm":  # which makes room
            assert "full" in one_sentence(prusc(home.root, *words), 1), words
            tried["change on a full disk"] += 1
    assert folder.record() == before
    (small_disk / "filler").unlink()
    finish(folder)
