"""A SLURM of one node on this machine, for tests: `python tests/slurm/one_node.py start|stop FOLDER`.

It needs root and the programs of Debian's packages slurm-wlm and munge, but no systemd and no cgroups. Everything of
it, its key included, is in FOLDER; `SLURM_CONF=FOLDER/slurm.conf` makes the commands of SLURM find it.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scontrol", "sinfo", "scancel")
CONF = """
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
CredType=cred/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
GresTypes=gpu
ReturnToService=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SchedulerParameters=sched_interval=2,bf_interval=2
MinJobAge=300
KillWait=10
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} Gres=gpu:2
PartitionName=debug Nodes=ALL Default=YES DefaultTime=60 MaxTime=INFINITE State=UP
PartitionName=short Nodes=ALL MaxTime=5 State=UP
PartitionName=urgent Nodes=ALL DefaultTime=60 MaxTime=INFINITE PriorityTier=2 State=UP
"""


def missing() -> str:
    """Why there can be no SLURM here; empty if there can."""
    lacking = [name for name in PROGRAMS if shutil.which(name, path=_path()) is None]
    if lacking:
        return f"{lacking[0]} is not installed (Debian: slurm-wlm and munge)"
    return "" if os.geteuid() == 0 else "slurmd needs root"


class OneNode:
    """The controller and the only node, in a folder of their own; its two GPUs are a count without devices."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.conf = folder / "slurm.conf"
        self.host = socket.gethostname().partition(".")[0]

    def start(self) -> None:
        """Start it, and wait until the node is idle."""
        for part in ("state", "spool"):
            (self.folder / part).mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o755)
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
        self.conf.write_text(
            CONF.format(
                host=self.host, ports=_free_ports(2), folder=self.folder, cpus=os.cpu_count(), memory=memory // 2
            )
        )
        (self.folder / "gres.conf").write_text(f"NodeName={self.host} Name=gpu File=/dev/null,/dev/zero\n")
        key = self.folder / "munge.key"
        key.touch(0o600)
        key.write_bytes(os.urandom(128))
        files = {"socket": "munge.socket", "key-file": "munge.key", "pid-file": "munged.pid"}
        files |= {"log-file": "munged.log", "seed-file": "munged.seed"}
        self._run("munged", "--force", *(f"--{name}={self.folder / file}" for name, file in files.items()))
        self._run("slurmctld", "-c")
        self._run("slurmd")
        self.wait_for(lambda: "idle" in self.ask("sinfo", "-h", "-o", "%T"), "the node is not idle")

    def stop(self) -> None:
        """End the jobs and the three daemons."""
        if self.conf.exists():
            subprocess.run(["scancel", "--full", "--signal=KILL", "--me"], env=self.environment, capture_output=True)
        for name in ("slurmd", "slurmctld", "munged"):
            file = self.folder / f"{name}.pid"
            if not file.exists():
                continue
            pid = int(file.read_text())
            try:
                os.kill(pid, signal.SIGTERM)
                self.wait_for(lambda pid=pid: not Path(f"/proc/{pid}").exists(), f"{name} does not end")
            except ProcessLookupError:
                pass

    @property
    def environment(self) -> dict[str, str]:
        """Variables of a process that uses it."""
        return {**os.environ, "SLURM_CONF": str(self.conf), "PATH": _path()}

    def ask(self, *command: str) -> str:
        """Run a command of SLURM and return what it prints."""
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=30).stdout

    def has(self, job: str) -> bool:
        """Whether a step of a job is left on the node, of which SLURM has no more to say."""
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):  # it has just ended
                if path.read_bytes().startswith(f"slurmstepd: [{job}.".encode()):
                    return True
        return False

    def wait_for(self, condition, otherwise: str, seconds: float = 60) -> None:
        """Wait until a condition holds; raises TimeoutError with the end of the logs."""
        until = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > until:
                raise TimeoutError("\n".join([otherwise, *(self._end_of(log) for log in self.folder.glob("*.log"))]))
            time.sleep(0.2)

    def _run(self, *command: str) -> None:
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=60)
        if done.returncode:
            raise RuntimeError(f"{command[0]}: {done.stderr or done.stdout}")

    def _end_of(self, log: Path) -> str:
        return "\n".join([f"== {log.name}", *log.read_text(errors="replace").splitlines()[-20:]])


def _path() -> str:
    return os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def _free_ports(number: int) -> list[int]:
    sockets = [socket.socket() for _ in range(number)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


if __name__ == "__main__":
    what, where = sys.argv[1:]
    if why := missing():
        sys.exit(why)
    node = OneNode(Path(where).absolute())
    getattr(node, {"start": "start", "stop": "stop"}[what])()
    if what == "start":
        print(f"export SLURM_CONF={node.conf}")
