from datetime import datetime

import pytest

from core.errors import InputError
from core.runs.log import RunLog
from core.runs.query import parse, resolve, sort
from core.runs.record import RunRecord, StageRecord


def summary(**fields: object) -> dict[str, object]:
    record = RunRecord(
        id="k3v9x2ab", name="Demo-2", recipe="prusc", data="colored-mnist", preset="digits", status="finished", seed=3,
        tags=("paper", "Final"), note="try a higher rate (lr=0.1)", created=datetime(2026, 1, 31, 12).timestamp(),
        seconds=330.0, stages=(StageRecord("erm", status="done", keep_ratio=0.25),), forked_from="abcd2345:erm",
    )  # fmt: skip
    return {**record.summary(), "wga": 0.8342, "average": 0.9, "wga_split": "test", **fields}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "demo",
        "DEMO-2",
        "k3v9",
        "higher",
        "paper",
        "prusc mnist",
        "'higher rate'",
        '"(lr=0.1)"',
        "recipe=prusc",
        "recipe==prusc",
        "recipe=PRUSC",
        "recipe:pru",
        "recipe~rus",
        "recipe!=erm",
        "RECIPE = prusc",
        "wga>0.8",
        "wga > 80%",
        "wga>=0.8342",
        "wga<=83.42%",
        "wga<.9",
        "wga=0.834",
        "wga=83.4%",
        "wga:0.8342",
        "wga!=0.9",
        "avg=90%",
        "average=0.9",
        "sparsity=75%",
        "keep_ratio=0.25",
        "seed=3",
        "seed!=4",
        "duration>5m",
        "seconds=330",
        "duration<0.1h",
        "tag:paper",
        "tag=final",
        "tags~pap",
        "tag!=draft",
        "created>2026-01-30",
        "created=2026-01-31",
        "created>=2026-01-31",
        "created<=2026-01-31",
        "created<2026-02-01",
        "created=2026-01-31T12:00",
        "created<'2026-01-31 12:01'",
        "ended=none",
        "wga!=none",
        "pid=none",
        "host=none",
        "preset!=none",
        "attributes=none",
        "forked_from=abcd2345:erm",
        "note~'lr=0.1'",
        "stage=erm",
        "recipe=prusc and wga>0.8",
        "recipe:prusc wga>0.8 tag:paper demo",
        "recipe=erm or wga>0.8",
        "not recipe=erm",
        "not not demo",
        "NOT recipe=erm AND demo",
        "not (recipe=erm or seed=4)",
        "(recipe=prusc)(seed=3)",
        "recipe=erm and seed=4 or demo",
        "demo or recipe=erm and seed=4",
        "demo or (recipe=erm and seed=4)",
    ],
)
def test_a_filter_that_holds_for_the_run(text):
    assert parse(text).matches(summary())


@pytest.mark.parametrize(
    "text",
    [
        "nothing",
        "digits",
        "demo nothing",
        "recipe=pru",
        "recipe!=prusc",
        "wga>0.8342",
        "wga<0.8342",
        "wga=0.835",
        "wga=0.8",
        "wga=1",
        "wga=0.83421",
        "wga>0.9",
        "tag:pap",
        "tag!=paper",
        "tag=none",
        "created>2026-01-31",
        "created<2026-01-31",
        "created=2026-01-30",
        "created=2026-01-31T11:59",
        "duration>6m",
        "seed=33",
        "wga=none",
        "ended!=none",
        "preset=none",
        "pid>0",
        "pid<=0",
        "host~none",
        "not demo",
        "recipe=erm or seed=4",
        "(demo or recipe=erm) and seed=4",
        "not (demo)",
    ],
)
def test_a_filter_that_does_not_hold_for_the_run(text):
    assert not parse(text).matches(summary())


def test_what_is_missing_is_neither_more_nor_less_but_differs():
    run = summary(wga=None, keep_ratio=None)
    for text in ("wga>0", "wga<=1", "wga=0", "sparsity>=0", "sparsity=0"):
        assert not parse(text).matches(run)
    for text in ("wga!=0", "wga=none", "sparsity=none"):
        assert parse(text).matches(run)


def test_a_run_without_tags_matches_no_tag_and_none():
    run = summary(tags=[])
    assert [parse(text).matches(run) for text in ("tag:paper", "tag~a", "tag=none", "tag!=paper")] == [
        False,
        False,
        True,
        True,
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("wgaa>0.8", "column 1: unknown field 'wgaa'; did you mean 'wga'"),
        ("demo and  recip=x", "column 11: unknown field 'recip'; did you mean 'recipe'"),
        ("zzz=1", "column 1: unknown field 'zzz' (known: "),
        ("wga>abc", "column 5: 'abc' is not a number"),
        ("wga > 80%%", "column 7: '80%%' is not a number"),
        ("wga~0.8", "column 5: 'wga' is a number"),
        ("name>demo", "column 6: 'name' is text"),
        ("tag<=a", "column 6: 'tag' is text"),
        ("created>yesterday", "column 9: 'yesterday' is not a date"),
        ("wga>", "column 4: '>' needs a value"),
        ("demo and", "column 9: unexpected end"),
        ("not", "column 4: unexpected end"),
        ("or demo", "column 1: 'or' needs a term on both sides"),
        ("demo or or demo", "column 9: 'or' needs a term"),
        ("demo and and demo", "column 10: 'and' needs a term"),
        (">0.8", "column 1: '>' needs a field"),
        ("(demo", "column 1: this '(' is never closed"),
        ("demo)", "column 5: unexpected ')'"),
        ("()", "column 2: unexpected ')'"),
        ("name='demo", "column 6: this quote is never closed"),
        ('demo "x', "column 6: this quote is never closed"),
        ("(" * 100 + "demo" + ")" * 100, "column 51: too deeply nested"),
        ("not " * 5000 + "demo", "too deeply nested"),
        ("\x1b[2J=1", r"unknown field '\x1b[2j'"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text, sentence):
    with pytest.raises(InputError) as caught:
        parse(text)
    assert sentence.lower() in str(caught.value).lower()
    assert "\x1b" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_hundred_terms_in_a_row_are_not_too_many():
    assert parse(" ".join(["demo"] * 300)).matches(summary())
    assert parse(" or ".join(["nothing"] * 300 + ["demo"])).matches(summary())


def test_runs_are_sorted_both_ways_with_missing_values_last():
    runs = [summary(id=id, wga=wga) for id, wga in (("a", 0.5), ("b", None), ("c", 0.9), ("d", 0.1), ("e", None))]
    assert [run["id"] for run in sort(runs, "wga")] == ["d", "a", "c", "b", "e"]
    assert [run["id"] for run in sort(runs, "-wga")] == ["c", "a", "d", "b", "e"]


def test_equal_runs_keep_their_order_and_text_has_no_case():
    runs = [summary(id=id, name=name) for id, name in (("1", "beta"), ("2", "Alpha"), ("3", "alpha"), ("4", ""))]
    assert [run["id"] for run in sort(runs, "name")] == ["2", "3", "1", "4"]
    assert [run["id"] for run in sort(runs, "-name")] == ["1", "2", "3", "4"]


@pytest.mark.parametrize("key", ["sparsity", "-duration", "tags", "created", "ended", "avg", "stage"])
def test_every_field_and_alias_sorts(key):
    assert len(sort([summary(), summary(tags=[], ended=1.0)], key)) == 2


def test_sorting_by_what_is_no_field_names_the_nearest():
    with pytest.raises(InputError, match="unknown field 'wgga'; did you mean 'wga'"):
        sort([], "-wgga")


@pytest.fixture
def log(home, make):
    log = RunLog(home)
    for id, name, created in (("aaab2222", "first", 1.0), ("aaac3333", "second", 3.0), ("bbbb4444", "aaab", 2.0)):
        log.put(make(id=id, name=name, created=created))
    return log


@pytest.mark.parametrize(
    ("ref", "id"),
    [
        ("aaab2222", "aaab2222"),
        ("aaac", "aaac3333"),
        ("b", "bbbb4444"),
        ("second", "aaac3333"),
        ("last", "aaac3333"),
        ("aaab", "bbbb4444"),  # a name beats the beginning of an id
    ],
)
def test_a_run_is_found_by_id_beginning_name_or_as_the_last(log, ref, id):
    assert resolve(log, ref) == id


@pytest.mark.parametrize(
    ("ref", "sentence"),
    [
        ("frist", r"no run 'frist'; did you mean 'first'"),
        ("zzz", r"no run 'zzz' \('prusc ls'"),
        ("", r"no run ''"),
        ("aaa", r"several runs: aaac3333, aaab2222; type more"),
        ("\x1b[2J", r"no run '\\x1b\[2J'"),
    ],
)
def test_a_run_that_is_not_there_or_not_one_is_a_sentence(log, ref, sentence):
    with pytest.raises(InputError, match=sentence):
        resolve(log, ref)


def test_in_an_empty_home_there_is_no_last_run(home):
    with pytest.raises(InputError, match="no run 'last': there are no runs in"):
        resolve(RunLog(home), "last")
