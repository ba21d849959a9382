"""Runs at work in processes of their own, and what the index says of a run."""

from dataclasses import replace

from core.runs.alive import identity
from core.runs.log import RunLog
from tests.tui.lab import put, record_of


def worked_on(home, process, name="live"):
    return put(home, replace(record_of(name, "running"), **identity(process.pid)))


def summary(home, folder):
    return RunLog(home).get(folder.id)
