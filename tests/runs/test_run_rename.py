import threading

import pytest

from core.errors import InputError
from core.runs.folder import RunFolder
from core.runs.log import RunLog


@pytest.fixture
def two(home, make):
    log = RunLog(home)
    folders = [RunFolder.create(home, make(name=name)) for name in ("first", "second")]
    for folder in folders:
        log.put(folder.record())
    return log, *folders


def test_folder_and_index_have_the_new_name(two):
    log, first, _ = two
    first.update(tags=("paper",))
    assert log.rename(first, "  paper run ").name == "paper run"
    assert first.record().name == log.get(first.id)["name"] == "paper run"
    assert first.record().tags == ("paper",)


def test_an_id_will_do_and_the_own_name_is_free(two):
    log, first, _ = two
    assert log.rename(first.id, "first").name == "first"
    log.rename(first.id, "third")
    assert log.rename(first.id, "first").name == "first"


@pytest.mark.parametrize("name", ["second", "last", "", " ", "a\nb", "\x1b[2J"])
def test_a_name_that_cannot_be_given_changes_nothing(two, name):
    log, first, _ = two
    with pytest.raises(InputError) as error:
        log.rename(first, name)
    assert "\x1b" not in str(error.value)
    assert first.record().name == log.get(first.id)["name"] == "first"


def test_a_run_that_is_gone_is_an_input_error(two):
    log, first, _ = two
    first.delete()
    with pytest.raises(InputError, match="no run"):
        log.rename(first.id, "other")
    with pytest.raises(InputError, match="no run"):
        log.rename("../etc", "other")


def test_of_many_who_want_one_name_one_gets_it(home, make):
    log = RunLog(home)
    folders = [RunFolder.create(home, make(name=f"run-{n}")) for n in range(6)]
    for folder in folders:
        log.put(folder.record())
    refused = []

    def rename(folder):
        try:
            RunLog(home).rename(folder, "best")
        except InputError:
            refused.append(folder.id)

    threads = [threading.Thread(target=rename, args=(folder,)) for folder in folders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 5
    assert [folder.record().name for folder in folders].count("best") == 1
    assert {run["id"]: run["name"] for run in log.all()} == {f.id: f.record().name for f in folders}
