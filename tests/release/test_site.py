"""The hook of the site: links between files of the repository lead to pages."""

import pytest

pytest.importorskip("mkdocs", reason="needs the extra docs")

from release.site import LINK, moved


@pytest.mark.parametrize(
    ("target", "source", "on_the_site"),
    [
        ("docs/data.md", "README.md", "data.md"),
        ("CONTRIBUTING.md", "README.md", "contributing.md"),
        ("../README.md", "docs/concepts.md", "index.md"),
        ("data.md", "docs/concepts.md", "data.md"),
        ("docs/overview.svg", "README.md", "overview.svg"),
        ("LICENSE", "README.md", "LICENSE"),
    ],
)
def test_a_link_leads_to_the_page_of_a_file(target, source, on_the_site):
    assert moved(target, source) == on_the_site


def test_only_links_to_files_are_changed():
    text = "[a](docs/a.md#part) [b](https://example.org/b.md) [c](#part) ![d](docs/d.svg)"
    assert LINK.findall(text) == ["docs/a.md", "docs/d.svg"]
