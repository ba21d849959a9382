"""Part of every build: stamps the commit into wheel and sdist; the wheel also gets manual pages and completion."""

import sys
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Release(BuildHookInterface):  # type: ignore[type-arg]
    """The hook that `pyproject.toml` names; it writes nothing into the tree."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add files to what is built; an editable installation is the checkout itself and gets none."""
        if version == "editable":
            return
        sys.path.insert(0, self.root)  # a build has only the tools of pyproject.toml there
        try:
            made = self._made()
        finally:
            sys.path.remove(self.root)
        folder = Path(mkdtemp(prefix="prusc-release-"))
        for path, text in made.items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
            shared = path.startswith("share/")
            build_data["shared_data" if shared else "force_include"][str(file)] = path
        self._folder = folder

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the files."""
        import shutil

        del build_data, artifact_path
        if version != "editable":
            shutil.rmtree(self._folder)

    def _made(self) -> dict[str, str]:
        """Path in the wheel, or below the prefix of an installation, → content."""
        from prusc_tui.version import STAMP, commit
        from release import completion, man
        from release.commands import command_line, screen

        made: dict[str, str] = {}
        stamp = f"prusc_tui/{STAMP}"
        if (found := commit()) and not Path(self.root, stamp).exists():  # an sdist has one already
            made[stamp] = f"{found}\n"
        if self.target_name != "wheel":
            return made
        version, pages = self.metadata.version, "share/man/man1"
        made |= {
            f"{pages}/prusc.1": man.page(command_line(), version, also="prusc-tui", status=man.EXIT_STATUS),
            f"{pages}/prusc-tui.1": man.page([screen()], version, also="prusc"),
            **dict(completion.scripts()),
        }
        return made
