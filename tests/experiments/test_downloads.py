import errno
import gzip
import hashlib
import io
import os
import re
import shutil
import socket
import sys
import tarfile
import threading
from collections import namedtuple
from pathlib import Path

import pytest

from core.data.sets.celeba import Celeba
from core.data.sets.waterbirds import Waterbirds
from core.data.table import read_table
from core.data.watch import Watch
from core.errors import InputError, Stopped
from experiments.data import transfer
from experiments.data.downloads import get_archive, get_celeba
from prusc_tui.cli import main
from tests.data.photo_lab import celeba, waterbirds
from tests.experiments.loopback import NAME, Host

Usage = namedtuple("Usage", "total used free")


def packed(*entries: tuple[str, Path | bytes]) -> bytes:
    """A tar.gz of files and folders under the names that they are to have in it."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w:gz") as tar:
        for name, source in entries:
            if isinstance(source, Path):
                tar.add(source, name)
            else:
                about = tarfile.TarInfo(name)
                about.size = len(source)
                tar.addfile(about, io.BytesIO(source))
    return whole.getvalue()


@pytest.fixture
def host(birds):
    host = Host()
    host.body = birds
    thread = threading.Thread(target=host.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield host
    host.server.shutdown()
    host.server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Path:
    return waterbirds(tmp_path_factory.mktemp("lab") / "waterbird_complete95_forest2water2", n=60)


@pytest.fixture(scope="module")
def birds(lab) -> bytes:
    return packed((lab.name, lab))


@pytest.fixture
def nobody() -> str:
    """Address of a port at which nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    return f"http://127.0.0.1:{port}/{NAME}"


def lies_as_in(lab: Path, root: Path) -> bool:
    """Whether `root` has the files of the lab, with the same bytes, and nothing else."""
    files = [{p.relative_to(at): p.read_bytes() for p in at.rglob("*") if p.is_file()} for at in (lab, root)]
    return files[0] == files[1] and {p.name for p in lab.iterdir()} == {p.name for p in root.iterdir()}


def test_the_archive_ends_as_table_and_images_in_a_folder_that_was_not_there(host, lab, tmp_path):
    told = []
    root = tmp_path / "new" / "birds"
    fetched = get_archive(Waterbirds(root=str(root)), Watch(lambda *step: told.append(step)), host.url)
    assert fetched.fresh
    assert len(fetched.table) == 60
    assert lies_as_in(lab, root)
    assert told[0] == ("downloading", 0, len(host.body))
    assert ("downloading", len(host.body), len(host.body)) in told
    assert told[-1][0] == "unpacking"
    assert told[-1][1] == told[-1][2]


def test_sizes_are_held_against_the_published_ones(host, tmp_path):
    sizes = get_archive(Waterbirds(root=str(tmp_path)), url=host.url).sizes()
    published = {(size.split, size.group): size.published for size in sizes}
    assert published["train", "waterbird · land"] == 56
    assert published["test", ""] == 5_794
    table = read_table(Waterbirds(root=str(tmp_path)))
    for size in sizes:
        rows = table.splits == ("train", "validation", "test").index(size.split)
        if size.group:
            label, place = size.group.split(" · ")
            rows &= table.labels == table.label_names.index(label)
            rows &= table.attributes[:, 0] == table.attribute_values["place"].index(place)
        assert size.found == rows.sum()


def test_a_download_that_breaks_off_goes_on_by_itself_from_the_same_byte(host, lab, tmp_path):
    host.cut = [1_000, 2_000]
    get_archive(Waterbirds(root=str(tmp_path)), url=host.url)
    assert host.asked == [None, "bytes=1000-", "bytes=3000-"]
    assert lies_as_in(lab, tmp_path)


def test_a_server_that_stays_silent_leaves_the_partial_file_and_the_next_call_goes_on(host, lab, tmp_path):
    host.cut = [1_000, 0]
    with pytest.raises(InputError, match=re.escape(f"kept: {tmp_path / NAME}.part")):
        get_archive(Waterbirds(root=str(tmp_path)), url=host.url)
    assert [path.name for path in tmp_path.iterdir()] == [f"{NAME}.part"]
    assert (tmp_path / f"{NAME}.part").read_bytes() == host.body[:1_000]
    get_archive(Waterbirds(root=str(tmp_path)), url=host.url)
    assert host.asked[2:] == ["bytes=1000-"]
    assert lies_as_in(lab, tmp_path)


@pytest.mark.parametrize("why", ["no ranges", "another file", "no date"])
def test_a_partial_file_that_cannot_be_gone_on_with_is_begun_anew(host, lab, tmp_path, why):
    host.body, birds = bytes(len(host.body)) if why == "another file" else host.body, host.body
    host.cut = [1_000, 0]
    if why == "no date":
        host.dated = {}
    with pytest.raises(InputError):
        get_archive(Waterbirds(root=str(tmp_path)), url=host.url)
    host.body, host.ranges = birds, why != "no ranges"
    if why == "another file":
        host.dated = {"Last-Modified": "Thu, 22 Oct 2015 07:28:00 GMT"}
    get_archive(Waterbirds(root=str(tmp_path)), url=host.url)
    assert lies_as_in(lab, tmp_path)


def test_a_partial_file_that_was_whole_is_taken(host, lab, tmp_path):
    host.cut = [1_000, 0]
    with pytest.raises(InputError):
        get_archive(Waterbirds(root=str(tmp_path)), url=host.url)
    part = tmp_path / f"{NAME}.part"
    date = part.stat().st_mtime
    part.write_bytes(host.body)
    os.utime(part, (date, date))
    get_archive(Waterbirds(root=str(tmp_path)), url=host.url)
    assert host.asked[-1] == f"bytes={len(host.body)}-"
    assert lies_as_in(lab, tmp_path)


def test_a_stop_keeps_what_is_there(host, lab, tmp_path, monkeypatch):
    monkeypatch.setattr(transfer, "PART", 1_000)
    seen = []
    with pytest.raises(Stopped):
        get_archive(
            Waterbirds(root=str(tmp_path)), Watch(lambda *step: seen.append(step), lambda: len(seen) > 3), host.url
        )
    assert (tmp_path / f"{NAME}.part").read_bytes() == host.body[:3_000]
    with pytest.raises(Stopped):
        get_archive(Waterbirds(root=str(tmp_path)), Watch(stop=lambda: (tmp_path / NAME).exists()), host.url)
    assert host.asked == [None, "bytes=3000-"]
    assert [path.name for path in tmp_path.iterdir()] == [NAME]
    get_archive(Waterbirds(root=str(tmp_path)), url=host.url)
    assert len(host.asked) == 2
    assert lies_as_in(lab, tmp_path)


@pytest.mark.parametrize("name", ["../outside.txt", "inner/../../outside.txt", "link"])
def test_an_archive_that_would_write_outside_is_refused(host, lab, tmp_path, name):
    root = tmp_path / "birds"
    if name == "link":
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w:gz") as tar:
            link = tarfile.TarInfo("link")
            link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path)
            tar.addfile(link)
        host.body = out.getvalue()
    else:
        host.body = packed((lab.name, lab), (name, b"mine"))
    with pytest.raises(InputError, match=r"refused.*it was removed"):
        get_archive(Waterbirds(root=str(root)), url=host.url)
    assert not list(root.iterdir())
    assert [path.name for path in tmp_path.iterdir()] == ["birds"]


def test_an_archive_of_something_else_is_told_and_nothing_of_it_stays(host, lab, tmp_path):
    table = (lab / "metadata.csv").read_bytes()
    for body, why in {
        b"<html>Please log in</html>" * 40: "damaged, or not a tar.gz",
        host.body[:-2_000]: "damaged",
        host.body[:-8] + b"\0\0\0\0" + host.body[-4:]: "damaged",
        gzip.compress(b"no archive " * 100): "damaged, or not a tar.gz",
        packed(("a/b.txt", b"b")): "no metadata.csv",
        packed(("birds/metadata.csv", table)): "images are not",
        packed(("birds/metadata.csv", table.replace(b",place,", b",where,"))): "not contain waterbirds.*place",
    }.items():
        host.body = body
        with pytest.raises(InputError, match=why):
            get_archive(Waterbirds(root=str(tmp_path)), url=host.url)
        assert not list(tmp_path.iterdir())


def test_a_damaged_archive_that_a_person_brought_is_theirs_to_remove(host, tmp_path):
    (tmp_path / NAME).write_bytes(host.body[:5_000])
    with pytest.raises(InputError, match="remove it"):
        get_archive(Waterbirds(root=str(tmp_path)), url=host.url)
    assert [path.name for path in tmp_path.iterdir()] == [NAME]
    assert not host.asked


def test_without_a_server_there_is_one_sentence_and_nothing_is_left(nobody, tmp_path):
    root = tmp_path / "birds"
    with pytest.raises(InputError, match=r"cannot be reached .*refused.*internet connection\?$"):
        get_archive(Waterbirds(root=str(root)), url=nobody)
    assert not root.exists()


def test_a_name_that_is_looked_up_for_ever_counts_as_no_network(monkeypatch, tmp_path):
    monkeypatch.setattr(transfer, "OPENING", 0.05)
    over = threading.Event()

    def look_up(*_args, **_more):
        over.wait(30)
        raise socket.gaierror("never")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with pytest.raises(InputError, match="no answer within"):
        get_archive(Waterbirds(root=str(tmp_path / "birds")), url=f"http://nowhere.invalid/{NAME}")
    over.set()


def test_a_file_that_the_server_does_not_have_is_told(host, tmp_path):
    with pytest.raises(InputError, match="answers 404"):
        get_archive(Waterbirds(root=str(tmp_path)), url=host.url.replace(NAME, "else.tar.gz"))
    assert not list(tmp_path.iterdir())


def test_room_is_looked_for_before_anything_is_written(host, tmp_path, monkeypatch):
    need = 2 * len(host.body)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(need, 1, need - 1))
    root = tmp_path / "birds"
    with pytest.raises(InputError, match="MB needed"):
        get_archive(Waterbirds(root=str(root)), url=host.url)
    assert not root.exists()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(need, 0, need))
    assert get_archive(Waterbirds(root=str(root)), url=host.url).fresh


@pytest.mark.parametrize("when", ["downloading", "unpacking"])
def test_a_disk_that_fills_up_keeps_what_can_be_gone_on_with(host, lab, tmp_path, monkeypatch, when):
    monkeypatch.setattr(transfer, "PART", 1_000)

    def fill(doing: str, done: int, total: int) -> None:
        if doing == when and done >= 2_000:
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(InputError, match=r"disk is full.*kept: "):
        get_archive(Waterbirds(root=str(tmp_path)), Watch(fill), host.url)
    assert [path.name for path in tmp_path.iterdir()] == [NAME + (".part" if when == "downloading" else "")]
    get_archive(Waterbirds(root=str(tmp_path)), url=host.url)
    assert host.asked == ([None, "bytes=2000-"] if when == "downloading" else [None])
    assert lies_as_in(lab, tmp_path)


def test_data_that_are_there_are_left_alone(lab, nobody, tmp_path):
    root = shutil.copytree(lab, tmp_path / "birds")
    fetched = get_archive(Waterbirds(root=str(root)), url=nobody)
    assert not fetched.fresh
    assert lies_as_in(lab, root)
    gone = next(root.rglob("*.jpg"))
    gone.unlink()
    with pytest.raises(InputError, match=r"1 of its 60 images are not"):
        get_archive(Waterbirds(root=str(root)), url=nobody)


def test_a_folder_with_other_things_is_not_written_into(host, tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(InputError, match=r"is not empty \(letter\.txt\)"):
        get_archive(Waterbirds(root=str(tmp_path)), url=host.url)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]
    assert not host.asked


@pytest.fixture
def faces(tmp_path, monkeypatch):
    """The files that torchvision asks for, given out by a package gdown of ours."""
    from torchvision.datasets import CelebA

    store = tmp_path / "store"
    lab = celeba(tmp_path / "faces", n=20)
    names = read_table(Celeba(root=str(lab))).paths
    (lab / "identity_CelebA.txt").write_text("".join(f"{Path(name).name} 1\n" for name in names))
    for name in ("list_bbox_celeba.txt", "list_landmarks_align_celeba.txt"):
        lines = [str(len(names)), "x y", *(f"{Path(path).name} 1 2" for path in names)]
        (lab / name).write_text("\n".join(lines) + "\n")
    shutil.make_archive(str(lab / "img_align_celeba"), "zip", lab, "img_align_celeba")
    shutil.rmtree(lab / "img_align_celeba")
    lab.rename(store)
    listed = [(n, hashlib.md5((store / n).read_bytes()).hexdigest(), n) for _, _, n in CelebA.file_list]
    monkeypatch.setattr(CelebA, "file_list", listed)
    package = tmp_path / "package"
    package.mkdir()
    (package / "gdown.py").write_text(
        "import pathlib, shutil\n"
        "def download(id, output, **_):\n"
        f"    source = pathlib.Path({str(store)!r}) / id\n"
        "    if not source.exists():\n"
        "        raise RuntimeError('Too many users have viewed or downloaded this file')\n"
        "    shutil.copy(source, output)\n"
    )
    monkeypatch.syspath_prepend(str(package))
    monkeypatch.delitem(sys.modules, "gdown", raising=False)
    yield store
    sys.modules.pop("gdown", None)


def test_celeba_is_fetched_by_torchvision_and_completed_where_it_broke_off(faces, host, nobody, tmp_path):
    root = tmp_path / "celeba"
    held_back = (faces / "list_eval_partition.txt").rename(tmp_path / "held_back")
    with pytest.raises(InputError, match=r"Too many users.*list_eval_partition\.txt into .* by hand"):
        get_celeba(Celeba(root=str(root)), host.url)
    held_back.rename(faces / "list_eval_partition.txt")
    fetched = get_celeba(Celeba(root=str(root)), host.url)
    assert fetched.fresh
    assert len(fetched.table) == 20
    assert (root / fetched.table.paths[0]).is_file()
    assert {size.published for size in fetched.sizes() if not size.group} == {162_770, 19_867, 19_962}
    (root / fetched.table.paths[0]).unlink()  # as after unpacking that was cut short
    get_celeba(Celeba(root=str(root)), host.url)
    assert (root / fetched.table.paths[0]).is_file()
    assert not get_celeba(Celeba(root=str(root)), nobody).fresh


def test_celeba_without_network_or_gdown_says_which_files_to_put_where(faces, nobody, tmp_path, monkeypatch):
    root = tmp_path / "celeba"
    with pytest.raises(InputError, match=r"cannot be reached.*img_align_celeba/.*by hand"):
        get_celeba(Celeba(root=str(root)), nobody)
    monkeypatch.setattr("importlib.util.find_spec", lambda name, package=None: None)
    with pytest.raises(InputError, match=r"package gdown.*img_align_celeba/.*by hand"):
        get_celeba(Celeba(root=str(root)), nobody)
    assert not root.exists()


@pytest.fixture
def get(capsys, monkeypatch):
    """`prusc data get …`: exit code, standard output, standard error."""

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["prusc", "data", "get", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code or 0, *capsys.readouterr()

    return run


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("isic", "not published as a single archive"),
        ("folder", "your own"),
        ("colored-mnist", "nothing to download"),
        ("demo", "nothing to download"),
        ("waterbirds", "--data-root"),
        ("watrbirds", "waterbirds"),
    ],
)
def test_what_cannot_be_got_is_said_in_one_sentence(get, name, why):
    code, out, err = get(name)
    assert code == 2
    assert why in err
    assert err.count("\n") == 1
    assert not out


def test_the_command_says_where_the_sizes_are_not_the_published_ones(get, host, tmp_path, monkeypatch):
    monkeypatch.setattr(Waterbirds, "archive", host.url)
    code, out, err = get("waterbirds-resnet50", "--data-root", str(tmp_path / "birds"))
    assert code == 1
    assert out.startswith("✓ waterbirds downloaded to")
    assert "≠ 5,794 published" in out
    assert "downloading: " in err
    sizes = [size for size in get_archive(Waterbirds(root=str(tmp_path / "birds"))).sizes() if size.group]
    found = [[size.found for size in sizes if size.split == split] for split in ("train", "validation", "test")]
    monkeypatch.setattr("core.data.sets.waterbirds._PUBLISHED", found)
    code, out, _ = get("waterbirds", "--data-root", str(tmp_path / "birds"))
    assert code == 0
    assert "as published" in out
    code, out, _ = get("waterbirds", "--data-root", str(tmp_path / "birds"), "--json")
    assert '"as_published": true' in out
    assert '"downloaded": false' in out


def test_a_python_that_cannot_unpack_safely_is_told_so_before_anything_is_downloaded(tmp_path, monkeypatch):
    monkeypatch.delattr(tarfile, "data_filter")
    with pytest.raises(InputError, match=r"3\.11\.4 or newer"):
        get_archive(Waterbirds(root=str(tmp_path / "birds")), url="http://127.0.0.1:9/birds.tar.gz")
    assert not (tmp_path / "birds").exists()
