"""A hand on the panel with which a view shows one run."""

from tests.tui.lab import all_read, text
from tests.tui.stage import Alone


class Opened:
    """The panel of a run in an app of its own."""

    def __init__(self, pilot, run):
        self.pilot, self.run = pilot, run
        self.panel = pilot.app.panel

    async def show(self):
        self.panel.focus()
        self.panel.show(self.run.feed.poll())
        await all_read(self.pilot)
        await self.pilot.pause()

    async def press(self, *keys):
        await self.pilot.press(*keys)
        await self.pilot.pause()

    @property
    def text(self):
        return text(self.pilot.app)

    def lines(self, kind):
        return self.pilot.app.query_one(kind).lines


class opened:
    """Open the panel of a run (with its `folder` and its `feed`) in a terminal of that size, with a hand on it."""

    def __init__(self, view, run, size=(120, 40), hand=Opened):
        self.run, self.hand, self.context = run, hand, Alone(lambda: view.open(run.folder, None)).run_test(size=size)

    async def __aenter__(self):
        found = self.hand(await self.context.__aenter__(), self.run)
        await found.show()
        return found

    async def __aexit__(self, *error):
        return await self.context.__aexit__(*error)
