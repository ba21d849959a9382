"""Commands that only pretend to be SLURM's."""

from experiments.slurm import cluster

FAKE = """#!/bin/sh
cd {folder}
name=$(basename $0)
echo "$name $*" >> called
case "$name" in
  sbatch)
    if [ -e refuses ]; then cat refuses >&2; exit 1; fi
    if [ "$1" = --test-only ]; then cat > tested; exit 0; fi
    cat "$1" >> submitted
    echo "Submitted batch job $(grep -c '^sbatch [^-]' called)" ;;
  squeue) if [ -e silent ]; then echo "slurm_load_jobs error: Unable to contact slurm controller" >&2; exit 1; fi
    cat jobs ;;
  sinfo) printf 'gpu*|4:00:00|1-00:00:00\\nshort|n/a|30:00\\n' ;;
esac
"""


class Fake:
    """A SLURM that answers from files in a folder."""

    def __init__(self, folder):
        self.folder = folder
        self.says()
        for name in ("sbatch", "squeue", "sinfo", "scancel", "scontrol", "srun"):
            (folder / name).write_text(FAKE.format(folder=folder))
            (folder / name).chmod(0o755)

    def says(self, *jobs):
        """The jobs that squeue lists from now on."""
        (self.folder / "jobs").write_text("".join(f"{line}\n" for line in jobs))
        cluster._lists.clear()

    def refuses(self, words):
        (self.folder / "refuses").write_text(words)

    def called(self, name):
        """The arguments of every call of a command."""
        file = self.folder / "called"
        lines = file.read_text().splitlines() if file.exists() else []
        return [line.partition(" ")[2] for line in lines if line.partition(" ")[0] == name]

    def read(self, name):
        return (self.folder / name).read_text()
