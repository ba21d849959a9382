"""What many tests of the screen begin with: the same terminal, a home without runs, a run at work, commands."""

import subprocess
import sys

import pytest
from textual.css.stylesheet import Stylesheet

from core.feed.feed import RunFeed
from core.runs.alive import here
from core.runs.stream import EventWriter
from experiments import subprocesses
from prusc_tui.widgets.picture import Picture
from tests.tui import quick
from tests.tui.lab import NOW, irm_record, put


@pytest.fixture(scope="session", autouse=True)
def quick_textual():
    """Keys of the pilot take what they need and not the time of frames, and style sheets are parsed once."""
    patch = pytest.MonkeyPatch()
    for module in ("app", "pilot"):
        patch.setattr(f"textual.{module}.wait_for_idle", quick.until_drawn)
    patch.setattr(Stylesheet, "_parse_rules", quick.rules)
    yield
    patch.undo()


@pytest.fixture(autouse=True)
def terminal(monkeypatch, tmp_path):
    """The same terminal everywhere, and no settings of whoever runs the tests."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("PRUSC_SETTINGS", str(tmp_path / "settings.toml"))


@pytest.fixture
def live(home):
    """A run in the middle that trains over environments: its feed and its writer."""
    folder = put(home, irm_record(status="running", **here()))
    with EventWriter(folder.events) as writer:
        yield RunFeed(folder, lambda: NOW), writer


@pytest.fixture
def painted(monkeypatch):
    """Names of the pictures that asked to be painted, as they ask."""
    names = []
    refresh = Picture.refresh

    def noted(self, *regions, **options):
        names.append(self.id)
        return refresh(self, *regions, **options)

    monkeypatch.setattr(Picture, "refresh", noted)
    return names


@pytest.fixture
def worker():
    """A process that lives until it is killed, and leads its own group as detached workers do."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True)
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def commands(monkeypatch):
    """The commands that would be started, and the answer that each gets: (code, output, errors)."""
    started, answers = [], []

    class Answer:
        def __init__(self, code, *printed):
            self.returncode, self.printed = code, printed

        def communicate(self):
            return self.printed

    def start(module, *words, home=None, **_):
        started.append(([module, *words], home))
        return Answer(*(answers.pop(0) if answers else (0, "{}", "")))

    monkeypatch.setattr(subprocesses, "start", start)
    return started, answers
