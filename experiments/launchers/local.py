"""Runs in the process that starts them, such as `prusc run` in the foreground."""

from core.runs.alive import here
from core.runs.folder import RunFolder
from core.runs.lease import machine_leases
from core.runs.log import RunLog
from experiments.hosting import ENGINE
from experiments.launchers import Launcher


class LocalLauncher(Launcher):
    """Hosts each run on a thread of this process; `experiments.hosting.ENGINE` has its job."""

    name = "local"
    summary = "In this process: ends with it, with a checkpoint."
    outlives = False

    def start(self, folder: RunFolder, *, device: str, fresh: bool) -> None:
        from core.engine.devices import pick_all
        from experiments.plan import config_of

        ENGINE.refuse_when_closed()
        config, chosen = config_of(folder.record()), pick_all(device, machine_leases())
        RunLog(folder.home).put(folder.claim(status="queued", launcher=self.name, job="", **here()))
        folder.clear_stop()  # left by a process that died
        ENGINE.submit(folder, config, *chosen, fresh=fresh)
