"""Maps of the representation that the clusters panel has computed beside it, on request."""

import subprocess
import sys
import threading

import orjson
import pytest

from core.explore.map import pca_map
from core.explore.pictures import read_map
from experiments import subprocesses
from tests.tui.groups_lab import Run, opened
from tests.tui.lab import until


@pytest.fixture
def computing(monkeypatch):
    """A command that stores what `answer` holds once it may, or fails with a sentence; it ends with the test."""
    started = []

    def use(run, value=None, sentence=""):
        go = run.folder.path / "go"
        source, target = run.folder.path / "answer.json", run.folder.path / "views" / "map-tsne.json"
        target.parent.mkdir(exist_ok=True)
        if value is not None:
            source.write_bytes(orjson.dumps(value))
        code = (
            "import sys, time, pathlib, shutil\n"
            f"while not pathlib.Path({str(go)!r}).exists(): time.sleep(0.01)\n"
            f"sentence = {sentence!r}\n"
            "if sentence: sys.stderr.write(f'error: {sentence}\\n'); sys.exit(2)\n"
            f"shutil.copy({str(source)!r}, {str(target)!r})\n"
        )
        asked = []

        def start(module, *words, **_):
            method = words[words.index("--method") + 1]
            asked.append(method)
            command = [sys.executable, "-c", code.replace("map-tsne", f"map-{method}")]
            started.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
            return started[-1]

        monkeypatch.setattr(subprocesses, "start", start)
        return go, asked

    yield use
    for process in started:
        process.kill()


async def test_tsne_is_asked_for_computed_beside_and_picked_up(tmp_path, computing):
    run = Run(tmp_path)
    go, asked = computing(run, run.tsne())
    async with opened(run) as shown:
        await shown.press("m")
        assert "Computing t-SNE" in shown.lines("#map")[1]
        assert shown.lines("#map")[0].startswith("Map by PCA")  # stays until the other one is there
        await shown.press("m", "m")  # there and back while it is being computed asks for nothing more
        assert asked == ["tsne"]
        go.touch()
        await until(shown.pilot, lambda: shown.lines("#map")[0].startswith("Map by t-SNE"))
        assert "being computed" not in "".join(shown.lines("#map"))
        await shown.press("m")
        assert shown.lines("#map")[0].startswith("Map by PCA")
        await shown.press("m")
        assert shown.lines("#map")[0].startswith("Map by t-SNE")
        assert asked == ["tsne"]
    # It is stored: the next one who looks need not ask.
    async with opened(run) as shown:
        await shown.press("m")
        assert shown.lines("#map")[0].startswith("Map by t-SNE")


async def test_a_map_that_cannot_be_computed_is_one_sentence_and_can_be_asked_for_again(tmp_path, computing):
    run = Run(tmp_path)
    go, asked = computing(run, sentence="the representation is gone")
    go.touch()
    async with opened(run) as shown:
        await shown.press("m")
        await until(shown.pilot, lambda: "cannot be computed: the representation is gone" in shown.lines("#map")[1])
        assert shown.lines("#map")[0].startswith("Map by PCA")
        await shown.press("m")
        assert asked == ["tsne", "tsne"]


async def test_a_run_of_an_older_version_has_its_map_computed_when_asked(tmp_path, computing):
    run = Run(tmp_path, stored=False)
    go, asked = computing(run, pca_map(run.features, run.painted, 0.5, 0))
    go.touch()
    async with opened(run) as shown:
        assert "This run stored no map" in shown.text
        assert "This run stored no images" in shown.text
        await shown.press("m")
        await until(shown.pilot, lambda: shown.lines("#map")[0].startswith("Map by PCA"))
        assert asked == ["pca"]


async def test_leaving_while_a_map_is_computed_waits_for_nothing(tmp_path, computing):
    run = Run(tmp_path)
    go, _ = computing(run, run.tsne())
    async with opened(run) as shown:
        await shown.press("m")
    # The panel is gone, the process is not, and stores its map.
    assert not go.exists()
    go.touch()
    waiting = [thread for thread in threading.enumerate() if thread.name == "reading"]
    assert all(thread.daemon for thread in waiting)
    for thread in waiting:
        thread.join(30)
    assert read_map(run.folder, "tsne") is not None
