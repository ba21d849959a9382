"""A run together with the course of the stages that it reused, which only their own runs have."""

from dataclasses import replace
from types import MappingProxyType

from core.errors import InputError
from core.feed.feed import RunFeed
from core.feed.snapshot import Snapshot
from core.runs.folder import RunFolder


def whole(folder: RunFolder) -> Snapshot:
    """Snapshot of a run with the curves of reused stages from the runs that computed them, if those still exist."""
    return _whole(folder, frozenset())


def _whole(folder: RunFolder, seen: frozenset[str]) -> Snapshot:
    snapshot = RunFeed(folder).poll()
    series, evaluations, masks = dict(snapshot.series), dict(snapshot.evaluations), dict(snapshot.mask_states)
    for source in {stage.reused for stage in snapshot.record.stages if stage.reused} - seen:
        try:
            theirs = _whole(RunFolder.open(folder.home, source), seen | {folder.id})
        except InputError:
            continue
        stages = {stage.name for stage in snapshot.record.stages if stage.reused == source}
        series = {key: one for key, one in theirs.series.items() if key[0] in stages} | series
        for key, looks in theirs.evaluations.items():
            if key[0] in stages and len(looks) > len(evaluations.get(key, ())):
                evaluations[key] = looks
        for stage, states in theirs.mask_states.items():
            if stage in stages and len(states) > len(masks.get(stage, ())):
                masks[stage] = states
    return replace(
        snapshot,
        series=MappingProxyType(series),
        evaluations=MappingProxyType(evaluations),
        mask_states=MappingProxyType(masks),
    )
