"""What happens beside a run, in the process that hosts it: loggers, and a command of the user at its end."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from core.discovery import complain
from core.errors import InputError
from core.feed.standing import StandingEvents
from core.runs.folder import RunFolder
from experiments.loggers import Logger, logger
from experiments.notify import tell

EVERY = 1.0
"""Seconds between readings of the stream."""
PATIENCE = 15.0
"""Seconds for a logger to finish its files after the end of a run."""
_STAGE = b'{"kind":"stage-'


@contextmanager
def beside(folder: RunFolder) -> Iterator[None]:
    """Let the loggers of a run follow its stream, and run the user's command when it has ended; raises nothing."""
    loggers: Mapping[str, str] = {}
    with suppress(InputError):  # the run itself will say that its record cannot be read
        loggers = folder.record().loggers
    followers = [Follower(folder, name, place) for name, place in loggers.items()]
    for follower in followers:
        follower.start()
    try:
        yield
    finally:
        for follower in followers:
            follower.end()
        tell(folder)


class Follower(threading.Thread):
    """Passes the stream of a run to a logger; an error is noted in the log of the run, and ends the logger alone."""

    def __init__(self, folder: RunFolder, name: str, place: str) -> None:
        super().__init__(name=f"log-{name}-{folder.id}", daemon=True)
        self._folder = folder
        self._logger = name
        self._place = place
        self._over = threading.Event()
        self._before = folder.events.stat().st_size if folder.events.exists() else 0

    def run(self) -> None:
        try:
            self._follow()
        except Exception as error:  # a logger must not hurt the run
            self._warn(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)

    def end(self) -> None:
        """Let the logger take what is left of the stream; it is given up if that takes too long."""
        self._over.set()
        self.join(PATIENCE)
        if self.is_alive():
            self._warn(f"has not finished its files within {PATIENCE:.0f} s")

    def _follow(self) -> None:
        self._wait_for_a_stage()
        log = logger(self._logger)
        log.check()
        place = Path(self._place) if self._place else self._folder.path
        log.open(self._folder.record(), place, shared=bool(self._place))
        try:
            self._pass_on(log)
        except Exception:
            with suppress(Exception):  # the first error says more
                log.close()
            raise
        log.close()

    def _pass_on(self, log: Logger) -> None:
        events = StandingEvents(self._folder.events)
        over = False
        while not over:
            over = self._over.is_set()
            for stamped in events.read():
                log.write(stamped)
            log.flush()
            self._over.wait(EVERY)

    def _wait_for_a_stage(self) -> None:
        """Wait until this process works on a stage: until then, it is unknown which steps of before still stand."""
        while not self._over.is_set() and not self._stage_has_begun():
            self._over.wait(EVERY)

    def _stage_has_begun(self) -> bool:
        if not self._folder.events.exists():
            return False
        with self._folder.events.open("rb") as file:
            file.seek(self._before)
            return any(line.startswith(_STAGE) for line in file)

    def _warn(self, why: str) -> None:
        text = f"--log {self._logger} is dropped, the run is not affected: {' '.join(why.split())}"
        self._folder.say(f"warning: {text}")
        complain(text)
