"""Completion of `prusc` in bash, zsh and fish: files for the folders that these shells look into."""

from collections.abc import Iterator

PROGRAM = "prusc"
PLACES = {
    "bash": f"share/bash-completion/completions/{PROGRAM}",
    "zsh": f"share/zsh/site-functions/_{PROGRAM}",
    "fish": f"share/fish/vendor_completions.d/{PROGRAM}.fish",
}
"""Shell → path of its file below the prefix of an installation."""


def scripts() -> Iterator[tuple[str, str]]:
    """Path and content of every completion file."""
    from typer.completion import get_completion_script  # type: ignore[attr-defined]

    for shell, path in PLACES.items():
        variable = f"_{PROGRAM.upper()}_COMPLETE"
        script = get_completion_script(prog_name=PROGRAM, complete_var=variable, shell=shell)
        # zsh calls what it loads, and this would only define what to call from the second time on.
        once = f'\n\n_{PROGRAM}_completion "$@"' if shell == "zsh" else ""
        yield path, f"{script.strip()}{once}\n"
