"""A process that changes the index all the time."""

import random
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.log import RunLog
from core.runs.record import RunRecord, new_id
from tests.chaos.child import be_patient

MOST = 3
"""Runs of one process at a time: those of the killed ones stay, and every operation reads and writes all of them."""


def clerk(said: Connection, root: Path, seed: float) -> None:
    """Create, change, rename and delete runs; tell of each operation before and after it."""
    rng, log = random.Random(seed), RunLog(Home.open(root))
    mine: dict[str, RunRecord] = {}
    while True:
        be_patient()
        deed = rng.choice(["create", "change", "change", "rename", "delete"])
        if (deed == "create" and len(mine) < MOST) or not mine:
            record = RunRecord(id=new_id(), name=new_id(), recipe="erm", data="d", created=rng.random())
            said.send(("begin", record.id, record.name, ""))
            (folder,) = log.create_all([record])
            mine[folder.id] = record
        else:
            record = mine[rng.choice(sorted(mine))]
            folder = RunFolder(log.home, record.id)
            if deed == "delete":
                said.send(("begin", record.id, None, None))
                folder.delete()
                log.remove(record.id)
                del mine[record.id]
                said.send(("end", record.id, None, None))
                continue
            if deed == "rename":
                record = replace(record, name=new_id())
                said.send(("begin", record.id, record.name, record.note))
                log.rename(folder, record.name)
            else:
                record = replace(record, note=str(rng.random()))
                said.send(("begin", record.id, record.name, record.note))
                log.put(folder.update(note=record.note))
            mine[record.id] = record
        said.send(("end", record.id, record.name, record.note))
