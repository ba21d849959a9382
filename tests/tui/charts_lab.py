"""A run that is made up as one goes, and a hand on the panel that shows it as charts."""

from types import MappingProxyType

from core.feed.series import SeriesBuffer
from core.feed.snapshot import Look, Snapshot, StageView
from core.groups import Evaluation, Group
from core.runs.record import RunRecord
from prusc_tui.views.charts.panel import ChartsPanel
from prusc_tui.views.charts.picker import Choices, Picker
from tests.tui.stage import Alone

START = 1_790_000_000.0


def evaluation(split, *accuracies):
    titles = [("0–4", "red"), ("0–4", "green"), ("5–9", "red"), ("5–9", "green")]
    groups = tuple(
        Group(label, {"colour": colour}, 100, accuracy)
        for (label, colour), accuracy in zip(titles, accuracies, strict=True)
    )
    return Evaluation(split, groups, (0.25,) * 4)


class Run:
    """Grows, and says what it is as the feed does."""

    def __init__(self, stages=("erm", "prune")):
        self.stages = dict.fromkeys(stages, "waiting")
        self.buffers, self.looks, self.sparsity = {}, {}, {}

    def say(self, stage, name, values, every=10, start=START):
        self.stages[stage] = "running"
        buffer = self.buffers.setdefault((stage, name), SeriesBuffer())
        begun = len(buffer.view())
        for number, value in enumerate(values, begun + 1):
            buffer.append(number * every, number / 10, start + number, value)
        return self

    def look(self, stage, split, step, *accuracies, final=False):
        self.looks.setdefault((stage, split), []).append(Look(step, evaluation(split, *accuracies), final))
        return self

    def snapshot(self):
        record = RunRecord(id="r", name="run", recipe="prusc", data="digits", created=START)
        views = tuple(
            StageView(name, state, 0, 100, START if state != "waiting" else None, 0.0, None, None)
            for name, state in self.stages.items()
        )
        return Snapshot(
            record=record,
            stages=views,
            series=MappingProxyType({key: buffer.view() for key, buffer in self.buffers.items()}),
            evaluations=MappingProxyType({key: tuple(looks) for key, looks in self.looks.items()}),
            sparsity=MappingProxyType({stage: states[-1] for stage, states in self.sparsity.items()}),
            mask_states=MappingProxyType({stage: tuple(states) for stage, states in self.sparsity.items()}),
            choice=None,
            pseudo_groups=None,
            balanced=None,
            selected=MappingProxyType({}),
            warnings=(),
            log=(),
            elapsed=1.0,
            taken=START,
        )


def usual():
    run = Run().say("erm", "loss", [1 / (1 + n / 20) for n in range(100)])
    run.say("erm", "validation loss", [1 / (1 + n / 30) for n in range(100)])
    for step, worst in ((200, 10), (500, 40), (1000, 60)):
        run.look("erm", "validation", step, 98, worst, 70, 97)
    return run.look("erm", "test", 1000, 97, 55, 66, 95, final=True)


def several():
    run = usual()
    for name in ("lr", "norm", "penalty", "margin"):
        run.say("erm", name, [float(n) for n in range(100)])
    return run


class Panel:
    """The panel and a hand on it."""

    def __init__(self, pilot):
        self.pilot = pilot
        self.panel = pilot.app.query_one(ChartsPanel)

    async def show(self, run):
        self.panel.show(run.snapshot() if isinstance(run, Run) else run)
        await self.pilot.pause()

    async def press(self, *keys):
        await self.pilot.press(*keys)
        await self.pilot.pause()

    @property
    def charts(self):
        return [chart for chart in self.panel.charts if chart.display]

    @property
    def titles(self):
        return [chart.title for chart in self.charts]

    @property
    def picker(self):
        return self.panel.query_one(Picker)

    @property
    def listed(self):
        choices = self.panel.query_one(Choices)
        return [str(choices.get_option_at_index(n).prompt) for n in range(choices.option_count)]

    async def choose(self, entry):
        """Go to an entry of the list and choose it."""
        (row,) = [n for n, text in enumerate(self.listed) if text[2:] == entry]
        self.panel.query_one(Choices).highlighted = row
        await self.press("space")


class Opened:
    def __init__(self, run, size=(140, 40)):
        self.run, self.context = run, Alone(ChartsPanel).run_test(size=size)

    async def __aenter__(self):
        hand = Panel(await self.context.__aenter__())
        hand.panel.focus()
        await hand.show(self.run)
        return hand

    async def __aexit__(self, *raised):
        await self.context.__aexit__(*raised)
