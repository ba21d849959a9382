import sys
from importlib.metadata import EntryPoint, EntryPoints

import pytest

from core import discovery

GROUP = "prusc_tui.test"


@pytest.fixture(autouse=True)
def nothing_found():
    discovery.forget()
    yield
    discovery.forget()


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package with two modules and a private one."""
    monkeypatch.setattr(sys, "modules", sys.modules.copy())
    folder = tmp_path / "the_folder"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "b.py").write_text("VALUE = 'b'\n")
    (folder / "a.py").write_text("VALUE = 'a'\n")
    (folder / "_shared.py").write_text("raise AssertionError\n")
    (tmp_path / "outside_good.py").write_text("VALUE = 'outside'\nclass Thing: pass\n")
    (tmp_path / "outside_broken.py").write_text("raise RuntimeError('two\\nlines')\n")
    (tmp_path / "outside_leaves.py").write_text("raise SystemExit\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return "the_folder"


@pytest.fixture
def installed(monkeypatch):
    def install(**values):
        entries = EntryPoints(EntryPoint(name, value, GROUP) for name, value in values.items())
        monkeypatch.setattr("importlib.metadata.entry_points", lambda: entries)

    return install


def value(module):
    return [module.VALUE]


def test_modules_of_the_package_come_first_and_in_alphabetical_order(package, installed):
    installed(good="outside_good:Thing")
    assert discovery.declared(package, GROUP, value) == ("a", "b", "outside")
    assert discovery.problems() == ()


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ("no_such_module", "No module named 'no_such_module'"),
        ("outside_broken", "two lines"),
        ("outside_leaves", "SystemExit"),
        ("outside_good:Other", "'outside_good' has no attribute 'Other'"),
        ("the_folder", "'the_folder' has no attribute 'VALUE'"),
    ],
)
def test_an_entry_point_that_cannot_be_used_is_one_sentence(package, installed, entry, why):
    installed(bad=entry, good="outside_good")
    for _ in range(2):
        assert discovery.declared(package, GROUP, value) == ("a", "b", "outside")
    (sentence,) = discovery.problems()
    assert sentence.startswith(f"'bad' (entry point group {GROUP}, {entry}) is ignored: ")
    assert why in sentence
    assert "\n" not in sentence


def test_a_module_of_the_package_itself_that_fails_is_a_bug(package, installed, tmp_path):
    installed()
    (tmp_path / package / "b.py").write_text("1 / 0\n")
    with pytest.raises(ZeroDivisionError):
        discovery.declared(package, GROUP, value)
