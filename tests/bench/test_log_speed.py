"""What the log of runs costs, against a plain TinyDB of the same documents, and how it grows with the runs."""

from dataclasses import replace

from tinydb import TinyDB, where

from core.runs.home import Home
from core.runs.log import RunLog
from core.runs.record import RunRecord, StageRecord, new_id
from tests.bench.timing import forms


def records(count):
    stages = tuple(StageRecord(name, "done", key=f"{name}-key") for name in ("erm", "represent", "find", "prune"))
    return [
        RunRecord(
            id=new_id(),
            name=f"run-{number:05d}",
            recipe="prusc",
            data="colored-mnist",
            status="finished",
            seed=number % 10,
            created=float(number),
            seconds=38.0,
            stages=(*stages, StageRecord("finetune", "done", key=f"k{number}")),
        )
        for number in range(count)
    ]


def ours(root, made):
    home = Home.open(root)
    RunLog(home).create_all(made)
    return home


def plain(path, made):
    """What people write: one document per run in TinyDB's own file."""
    with TinyDB(path) as database:
        database.insert_multiple(record.summary() for record in made)
    return path


@forms("count, repetitions", short=[(20, 1)], full=[(1_000, 15), (10_000, 5)])
def test_the_log_against_plain_tinydb(tmp_path, count, repetitions, figures):
    made = records(count)
    home, path = ours(tmp_path / "home", made), plain(tmp_path / "plain.json", made)
    last = replace(made[-1], note="changed")
    log = RunLog(home)

    def put_plain():
        with TinyDB(path) as database:
            database.upsert(last.summary(), where("id") == last.id)

    def list_plain():
        with TinyDB(path) as database:
            return sorted(database.all(), key=lambda run: -run["created"])

    def find_plain():
        with TinyDB(path) as database:
            return [run["id"] for run in database.search(where("stage_keys")["finetune"] == "k7")]

    listed = RunLog(home).all()
    assert [run["id"] for run in listed] == [run["id"] for run in list_plain()]
    assert log.find_stage("finetune", "k7") == find_plain() == [made[7].id]
    for what, mine, theirs in (
        ("changing one run", lambda: log.put(last), put_plain),
        ("listing all runs", lambda: RunLog(home).all(), list_plain),
        ("finding a stage by key", lambda: RunLog(home).find_stage("finetune", "k7"), find_plain),
    ):
        figures.ratio(f"{what} among {count:,}", mine, theirs, repetitions, against="plain TinyDB", target=1.0)


@forms("sizes, repetitions", short=[((5, 10), 1)], full=[((1_000, 2_000, 4_000, 8_000), 7)])
def test_listing_grows_with_the_runs_as_in_plain_tinydb(tmp_path, sizes, repetitions, figures):
    homes, paths = {}, {}
    for size in sizes:
        made = records(size)
        homes[size], paths[size] = ours(tmp_path / f"home{size}", made), plain(tmp_path / f"plain{size}.json", made)

    def mine(size):
        return lambda: RunLog(homes[size]).all()

    def theirs(size):
        def work():
            with TinyDB(paths[size]) as database:
                return sorted(database.all(), key=lambda run: -run["created"])

        return work

    name = f"listing {sizes[0]:,} to {sizes[-1]:,} runs"
    figures.exponent(name, mine, sizes, repetitions, baseline=theirs, against="plain TinyDB", target=1.1)
