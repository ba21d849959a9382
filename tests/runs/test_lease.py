import subprocess
import sys

import pytest

from core.errors import InputError
from core.runs import lease as lease_module
from core.runs.lease import Lease, holder, is_leased, machine_leases


def test_one_who_leases_alone_excludes_all_others_until_the_release(tmp_path):
    path = tmp_path / "gpu.lock"
    lease = Lease.take(path, note="run a")
    assert lease is not None
    assert Lease.take(path) is None
    assert Lease.take(path, shared=True) is None
    assert is_leased(path)
    assert holder(path) == "run a"
    lease.release()
    assert not is_leased(path)
    assert Lease.take(path) is not None


def test_those_who_share_exclude_only_one_who_wants_it_alone(tmp_path):
    path = tmp_path / "gpu.lock"
    first, second = Lease.take(path, shared=True), Lease.take(path, shared=True)
    assert first is not None
    assert second is not None
    assert Lease.take(path) is None
    first.release()
    assert Lease.take(path) is None
    second.release()
    assert Lease.take(path) is not None


def test_a_child_that_inherits_a_lease_holds_it_after_its_parent_has_let_go(tmp_path):
    path = tmp_path / "gpu.lock"
    lease = Lease.take(path)
    assert lease is not None
    child = subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE, pass_fds=[lease.inherit()]
    )
    lease.release()
    assert is_leased(path)
    child.communicate(b"")
    assert not is_leased(path)


def test_a_file_that_its_holder_removed_is_not_leased_by_one_who_had_opened_it(tmp_path):
    path = tmp_path / "stage.lock"
    lease = Lease.take(path)
    assert lease is not None
    lease.release(remove=True)
    assert not path.exists()
    again = Lease.take(path)
    assert again is not None
    assert path.exists()
    assert Lease.take(path) is None


def test_looking_at_a_lease_keeps_the_note_of_its_holder(tmp_path):
    path = tmp_path / "gpu.lock"
    lease = Lease.take(path, note="run a")
    assert lease is not None
    lease.release()
    assert not is_leased(path)
    assert holder(path) == "run a"
    assert holder(tmp_path / "missing") == ""


@pytest.fixture
def shared(tmp_path, monkeypatch):
    """The folder that all users share."""
    monkeypatch.delenv("PRUSC_LEASES")
    monkeypatch.setattr(lease_module, "SHARED", tmp_path / "shared")
    return tmp_path / "shared"


def test_the_leases_of_a_machine_are_for_all_its_users(shared):
    folder = machine_leases()
    assert folder == shared
    assert folder.stat().st_mode & 0o7777 == 0o1777
    lease = Lease.take(folder / "gpu.lock")
    assert lease is not None
    assert lease.path.stat().st_mode & 0o444 == 0o444


def test_a_link_in_place_of_the_shared_folder_changes_nothing_where_it_leads(shared, tmp_path):
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    shared.symlink_to(private)
    with pytest.raises(InputError, match="it is a link"):
        machine_leases()
    assert private.stat().st_mode & 0o7777 == 0o700


def test_a_link_in_place_of_a_lease_is_not_followed(tmp_path):
    (tmp_path / "precious").write_text("data")
    (tmp_path / "gpu.lock").symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match="symbolic links"):
        Lease.take(tmp_path / "gpu.lock", note="run a")
    assert (tmp_path / "precious").read_text() == "data"


def test_a_folder_that_the_user_chose_keeps_its_permissions(tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir(mode=0o700)
    monkeypatch.setenv("PRUSC_LEASES", str(tmp_path / "mine"))
    assert machine_leases().stat().st_mode & 0o7777 == 0o700


def test_a_folder_of_leases_that_cannot_be_made_is_said(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PRUSC_LEASES", str(tmp_path / "file" / "leases"))
    with pytest.raises(InputError, match="PRUSC_LEASES"):
        machine_leases()
