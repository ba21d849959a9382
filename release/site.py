"""Part of every build of the site: the reference pages, and those that stand outside of `docs/`."""

import os
import re
import sys
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

HOUSE = Path(__file__).parent.parent
OUTSIDE = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security.md",
}
"""Path in the repository → path in the site, of pages outside of `docs/`."""
LINK = re.compile(r"(?<=\]\()(?!\w+:|#)([^)#\s]+)")
"""Target of a link in Markdown to a file, without what follows `#`."""
OTHERS = "Use"
"""Section of the site for pages that `mkdocs.yml` does not name."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add pages to those of `docs/`."""
    sys.path.insert(0, str(HOUSE))  # mkdocs is started as a program, which does not look into its folder
    from release.pages import PAGES

    listed = str(config.nav)
    rest = sorted(file.src_uri for file in files.documentation_pages() if file.src_uri not in listed)
    next(section for section in config.nav or [] if OTHERS in section)[OTHERS] += rest
    for path, place in OUTSIDE.items():
        files.append(File.generated(config, place, content=(HOUSE / path).read_text(encoding="utf-8")))
    for place, make in PAGES.items():
        files.append(File.generated(config, place, content=make()))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links between files of the repository lead to their pages."""
    del config, files
    place = page.file.src_uri
    outside = {at: path for path, at in OUTSIDE.items()}
    if place.startswith("reference/"):
        return markdown
    return LINK.sub(lambda found: moved(found[1], outside.get(place, f"docs/{place}")), markdown)


def moved(target: str, source: str) -> str:
    """Target of a link on the site, from that in a file of the repository; a path outside of the site is left alone."""
    path = os.path.normpath(Path(source).parent / target)
    at = OUTSIDE.get(path, path.removeprefix("docs/") if path.startswith("docs/") else None)
    if at is None:
        return target
    page = OUTSIDE.get(source, source.removeprefix("docs/"))
    return os.path.relpath(at, Path(page).parent)
