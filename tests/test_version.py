"""Version and commit: of a checkout, of a stamped build, and of neither."""

import shutil
import subprocess
import tomllib
from itertools import chain

import pytest
from packaging.requirements import Requirement

from prusc_tui import __version__, version
from prusc_tui.version import commit_of

WHO = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


@pytest.fixture
def checkout(tmp_path):
    (tmp_path / "file").write_text("one")
    for words in (["init", "-q"], ["add", "file"], [*WHO, "commit", "-q", "-m", "one"], ["tag", "v1"]):
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True, capture_output=True)
    return tmp_path


@needs_git
def test_a_checkout_says_its_commit_and_whether_it_was_changed(checkout):
    head = subprocess.check_output(["git", "-C", str(checkout), "rev-parse", "HEAD"], text=True).strip()
    assert commit_of(checkout) == head[:12]
    (checkout / "file").write_text("two")
    assert commit_of(checkout) == f"{head[:12]}+"


@needs_git
def test_a_folder_inside_of_some_other_checkout_has_no_commit(checkout):
    (checkout / "site-packages").mkdir()
    assert commit_of(checkout / "site-packages") == ""


def test_without_git_there_is_no_commit(tmp_path, monkeypatch):
    (tmp_path / ".git").mkdir()
    assert commit_of(tmp_path) == ""  # not a repository
    monkeypatch.setenv("PATH", str(tmp_path))
    assert commit_of(tmp_path) == ""


def test_a_stamp_goes_before_the_checkout(tmp_path, monkeypatch):
    monkeypatch.setattr(version, "files", lambda package: tmp_path)
    (tmp_path / version.STAMP).write_text("0123456789ab\n")
    assert version.full_version() == f"{__version__} (0123456789ab)"


def test_an_unknown_commit_is_left_out(monkeypatch):
    monkeypatch.setattr(version, "commit", lambda: "")
    assert version.full_version() == __version__


def test_the_newest_version_of_the_changelog_and_of_the_citation_is_this_one(request):
    house = request.config.rootpath
    headings = [line for line in (house / "CHANGELOG.md").read_text().splitlines() if line.startswith("## ")]
    assert headings[0].startswith(f"## [{__version__}]")
    assert f"version: {__version__}\n" in (house / "CITATION.cff").read_text()


def test_every_dependency_has_a_lowest_and_a_highest_version(request):
    about = tomllib.loads((request.config.rootpath / "pyproject.toml").read_text(encoding="utf-8"))
    project, build = about["project"], about["build-system"]["requires"]
    for text in (*project["dependencies"], *build, *chain.from_iterable(project["optional-dependencies"].values())):
        needed = Requirement(text)
        if needed.name != project["name"]:
            assert {each.operator for each in needed.specifier} == {">=", "<"}, text
