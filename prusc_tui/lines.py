"""A run as plain lines, for logs and pipes: one per stage, choice, evaluation and alarm; no control characters."""

from core.events import (
    Balanced,
    Choice,
    EnvironmentsMade,
    Evaluated,
    Event,
    Logged,
    Restarts,
    RunFinished,
    RunStarted,
    StageFinished,
    StageReused,
    StageStarted,
    Warned,
)
from core.groups import Evaluation
from core.runs.text import safe_text
from prusc_tui.words import duration, percent, span, sparsity, spread, weight


def line_of(event: Event) -> str | None:
    """Return the line that tells `event`; None for events that are too many to tell."""
    match event:
        case RunStarted():
            text = f"run {'goes on' if event.resumed else 'starts'} on {event.device}, process {event.pid}"
        case StageStarted():
            steps = f", {event.total:,} steps" if event.total > 1 else ""
            text = f"{event.stage}: starts{steps}" + (f", from step {event.start:,}" if event.start else "")
        case StageReused():
            text = f"{event.stage}: reused from run {event.source}"
        case StageFinished():
            kept = f", sparsity {sparsity(event.keep_ratio)} %" if event.keep_ratio is not None else ""
            text = f"{event.stage}: done in {duration(event.seconds)}{kept}"
        case Evaluated():
            text = _evaluation(event)
        case Choice():
            text = f"{event.stage}: {event.reason}"
        case Balanced():
            text = f"{event.stage}: balanced set of {event.size:,} entries (rule {event.rule})"
        case EnvironmentsMade():
            text = _environments(event)
        case Restarts():
            text = _restarts(event)
        case Warned():
            text = f"{event.stage}: warning: {event.text}"
        case Logged(level="data"):  # long work before a stage can begin
            text = event.text
        case RunFinished():
            text = f"run {event.status}" + (f": {event.reason}" if event.reason else "")
        case _:
            return None
    return safe_text(text)


def _evaluation(event: Evaluated) -> str:
    evaluation = Evaluation.from_json(event.split, event.evaluation)
    worst = evaluation.worst_group
    at = "" if event.final else f" at step {event.step:,}"
    return (
        f"{event.stage}: {event.split}{at}: worst {evaluation.unit} {percent(worst.accuracy)} % "
        f"({worst.title}, n = {worst.n:,}), average {percent(evaluation.average)} % (n = {evaluation.n:,})"
    )


def _environments(event: EnvironmentsMade) -> str:
    from prusc_tui.report.environments import conflicts_sentence

    sizes = ", ".join(f"{sum(row):,} in {name}" for name, row in zip(event.names, event.table, strict=True))
    text = f"{event.stage}: {sizes} ({event.source}); {event.used:,} of {event.total:,} training images used"
    conflicts = conflicts_sentence(event)
    return f"{text}; {conflicts}" if conflicts else text


def _restarts(event: Restarts) -> str:
    from prusc_tui.report.restarts import members_of

    by_weight = members_of(event)
    at = "" if event.final else f" at step {event.step:,}"
    parts = []
    for members in by_weight:
        of = f"weight {weight(members.weight)}: " if len(by_weight) > 1 else ""
        span_text = f" ({span(members.worst)})" if len(members.worst) > 1 else ""
        parts.append(f"{of}worst group {spread(members.worst)} %{span_text}, average {spread(members.average)} %")
    count = len(by_weight[0].worst) if by_weight else 0
    restarts = "1 restart" if count == 1 else f"{count} restarts"
    return f"{event.stage}: {event.split}{at}, {restarts}: {'; '.join(parts)} (n = {event.n:,})"
