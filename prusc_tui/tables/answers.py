"""Which method is better, and how sure that is: means of families, differences from a baseline, the best by a rule."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from core.results.compare import Family, evaluated
from core.results.contrast import Contrasts, contrasts
from core.results.ranking import DEFAULT, Ranking, ranked_families
from core.results.significance import LEAST_FOR_WILCOXON, TESTS, Verdict
from core.rules import RULES
from core.spread import Spread
from core.words import mean_sd, p_text, seeds, spread
from prusc_tui.tables.grid import HELD, Cell, Grid, Line
from prusc_tui.words import supervision

BEST = " *"
"""Mark behind the name of the best method."""
UNSUPERVISED = "of the methods without supervision that have this number"
NOTHING = Cell("–", is_number=True)


class Difference(NamedTuple):
    """One row of a table of differences: a title, the seeds behind it, and what they say."""

    title: str
    seeds: tuple[int, ...]
    verdict: Verdict
    average: Spread


def grids_of_answers(
    members: Sequence[Family], split: str, *, rule: str = DEFAULT, baseline: Family | None = None, test: str = "t"
) -> list[Grid]:
    """For each data set the means of its families with the best by `rule`, and their differences from a baseline."""
    grids: list[Grid] = []
    for kin in evaluated(members, split):
        grids.append(grid_of_means(kin, split, ranked_families(kin, split, rule)))
        differences = grid_of_contrasts(contrasts(kin, split, baseline=baseline, test=test))
        grids += [differences] if differences else []
    return grids


def grid_of_means(members: Sequence[Family], split: str, ranking: Ranking) -> Grid:
    """Families of one table as rows: mean ± standard deviation and standard error over seeds; the best is marked."""
    lines, samples = [], set()
    for place, (family, value) in enumerate(zip(members, ranking.values, strict=True)):
        result = family.result(split)
        assert result is not None, "the caller leaves such families out"
        samples.add(result.samples)
        cells = (
            Cell(supervision(result.runs[0].attributes_used)),
            Cell(str(len(result.seeds)), f"({seeds(result.seeds)})", is_number=True),
            *_mean_and_error(result.worst),
            *_mean_and_error(result.average),
            NOTHING if value is None else Cell(*mean_sd(value), is_number=True),
        )
        lines.append(Line(family.label + BEST * (place == ranking.best), cells))
    error = "standard error".replace(" ", HELD)
    rule = ranking.rule.replace("-", HELD)
    heads = ("supervision", "seeds", f"worst{HELD}group", error, "average", error, f"validation {rule}")
    about = (
        f"{split} split, n = {' or '.join(f'{n:,}' for n in sorted(samples))}, and the rule on the validation split; "
        "per cent, mean ± sample standard deviation over seeds; standard error: that deviation over √seeds"
    )
    notes = ranking_notes(ranking, [_titled(family) for family in members])
    notes += dict.fromkeys(line for family in members for line in family.long)
    return Grid(members[0].runs[0].data, heads, (tuple(lines),), about, tuple(notes), words=1)


def grid_of_contrasts(found: Contrasts) -> Grid | None:
    """Families minus the baseline, one a row; None if none shares a seed with it."""
    rows = [Difference(pair.second.label, pair.seeds, verdict, pair.average) for pair, verdict in found.pairs]
    if not rows:
        return None
    split = found.pairs[0][0].split
    about = f"Worst group minus that of {found.baseline.label}, in points on {split}; {differences_about(found.test)}"
    notes = [*_apart(found), *notes_on_tests([row.verdict for row in rows], found.test)]
    return grid_of_differences(f"minus {found.baseline.label}", {"": rows}, about, notes)


def grid_of_differences(
    corner: str, blocks: Mapping[str, Sequence[Difference]], about: str, notes: Sequence[str] = ()
) -> Grid:
    """Differences from a baseline, a block for each key; keys are a column of their own unless there is just one."""
    keyed = list(blocks) != [""]
    lines = tuple(
        tuple(Line(row.title, (*([Cell(key)] if keyed else []), *_cells(row))) for row in rows)
        for key, rows in blocks.items()
    )
    heads = ("seeds", "worst_group", "95_%_interval", "p", "p_(Holm)", "wins/ties/losses", "average")
    columns = (*(["data"] if keyed else []), *(head.replace("_", HELD) for head in heads))
    return Grid(corner, columns, lines, about, tuple(notes), words=int(keyed))


def differences_about(test: str) -> str:
    """What a table of differences shows, but for what is subtracted from what."""
    return (
        "mean ± sample standard deviation of the differences seed by seed; 95 % interval of the mean by Student's t; "
        f"p: two-sided {TESTS[test]}; Holm: corrected for all rows of one data set; wins, ties (exactly equal) and "
        "losses by seed; interval, p and wins are of the worst group"
    )


def ranking_notes(ranking: Ranking, titles: Sequence[str]) -> list[str]:
    """Which method is best, by which rule on which split, and which methods the rule cannot rank."""
    best = "" if ranking.best is None else f"{titles[ranking.best]}, {spread(ranking.values[ranking.best] or ())}"
    lost = [title for title, value in zip(titles, ranking.values, strict=True) if value is None]
    why = " (no pseudo-groups on validation)" if ranking.rule == "worst-cell" else ""
    among = UNSUPERVISED if ranking.unsupervised else ""
    notes = [(f"{BEST.strip()} " if best else "") + best_sentence(ranking.rule, best, among)]
    return notes + ([f"without that number{why}, and so not ranked: {', '.join(lost)}"] if lost else [])


def best_sentence(rule: str, names: str, among: str = "") -> str:
    """Which methods are best (none if `names` is empty), by which rule on which split, and what the rule uses."""
    used = RULES[rule]
    by = f"rule '{rule}' on the validation split, which uses {used.uses}{'' if used.attributes else ', no attributes'}"
    which = f"best {among} by {by}" if among else f"best by {by}"
    return f"{which}: {names or 'none, as it takes at least two'}"


def notes_on_tests(judged: Sequence[Verdict], test: str) -> list[str]:
    """What the tests could not say."""
    notes = []
    if any(one.p is None and one.difference.n == 1 for one in judged):
        notes.append("no test with one seed in common: it takes at least 2, better 5 or more")
    if any(one.p is None and one.difference.n > 1 for one in judged):
        notes.append("no test where all differences are the same: there is no spread to judge by")
    short = (one.wins + one.losses < LEAST_FOR_WILCOXON for one in judged if one.p is not None)
    if test == "wilcoxon" and any(short):
        notes.append(
            f"{TESTS[test]} cannot reach p < 0.05 with fewer than {LEAST_FOR_WILCOXON} differences other than 0; "
            "the default, --test t, can"
        )
    return notes


def verdict_text(verdict: Verdict, test: str) -> str:
    """Interval, test, wins and losses as a part of a sentence; only the latter without a test."""
    counts = f"wins/ties/losses {verdict.wins}/{verdict.ties}/{verdict.losses}"
    if verdict.p is None:
        return counts
    holm = f", Holm {p_text(verdict.corrected)}" if verdict.corrected != verdict.p else ""
    return f"95 % interval {_interval(verdict)}, {TESTS[test]} p {p_text(verdict.p)}{holm}, {counts}"


def _titled(family: Family) -> str:
    known = family.runs[0].attributes_used
    return family.label if known == "none" else f"{family.label} (supervision: {supervision(known)})"


def _apart(found: Contrasts) -> list[str]:
    names = ", ".join(family.label for family in found.apart)
    why = f"not paired with {found.baseline.label} (no finished run with the same seed and samples)"
    return [f"{why}: {names}"] if names else []


def _cells(row: Difference) -> tuple[Cell, ...]:
    verdict = row.verdict
    return (
        Cell(str(len(row.seeds)), f"({seeds(row.seeds)})", is_number=True),
        Cell(*mean_sd(verdict.difference, signed=True), is_number=True),
        Cell(_interval(verdict)),
        Cell(p_text(verdict.p), is_number=True),
        Cell(p_text(verdict.corrected), is_number=True),
        Cell(f"{verdict.wins}/{verdict.ties}/{verdict.losses}"),
        Cell(*mean_sd(row.average, signed=True), is_number=True),
    )


def _interval(verdict: Verdict) -> str:
    if verdict.interval is None:
        return "–"
    low, high = (f"{100 * end:+.1f}".replace("-", "−") for end in verdict.interval)
    return f"{low} to {high}"


def _mean_and_error(value: Spread) -> tuple[Cell, Cell]:
    error = NOTHING if value.se is None else Cell(f"{100 * value.se:.1f}", is_number=True)
    return Cell(*mean_sd(value), is_number=True), error
