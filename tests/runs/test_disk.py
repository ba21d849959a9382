"""Files of the user, which have no lock: whole whoever writes at once, and in the place that a link leads to."""

import errno
import os
import stat

import pytest

from core.runs.disk import write_whole


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "settings.toml"
    path.write_bytes(b"old")
    return path


def test_of_two_writers_at_once_the_last_one_wins_and_the_file_is_whole(file, monkeypatch):
    fsync, begun = os.fsync, []

    def while_another_one_writes(descriptor):
        if not begun:
            begun.append(descriptor)
            write_whole(file, b"the other one" * 1000)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", while_another_one_writes)
    write_whole(file, b"mine")
    assert file.read_bytes() == b"mine"
    assert list(file.parent.iterdir()) == [file]


def test_a_link_stays_and_the_file_keeps_its_permissions(file):
    file.chmod(0o600)
    link = file.with_name("link.toml")
    link.symlink_to(file.name)
    write_whole(link, b"new")
    assert link.is_symlink()
    assert file.read_bytes() == b"new"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_pipe_is_written_to_and_not_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
    try:
        write_whole(pipe, b"new")
        assert os.read(reader, 10) == b"new"
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_on_a_full_disk_the_old_file_is_unchanged(file, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(file, b"new")
    assert file.read_bytes() == b"old"
    assert list(file.parent.iterdir()) == [file]
