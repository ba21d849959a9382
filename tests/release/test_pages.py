"""The reference pages of the site: they have everything that the code declares."""

import re
from functools import cache

import pytest

from core.config import config_model, data_sets
from experiments.recipes import RECIPES
from prusc_tui.keymap import KEYS
from prusc_tui.schema import settings_of
from release.commands import command_line
from release.pages import PAGES, escape, key_names


@cache
def page(name):
    return PAGES[f"reference/{name}.md"]()


def test_every_command_has_a_heading_and_its_options():
    text = page("commands")
    for command in command_line():
        part = text.partition(f"\n## {command.name}\n")[2].partition("\n## ")[0]
        assert part, command.name
        for name, meaning in (*command.arguments, *command.options):
            assert f"| `{name}` | {escape(meaning)} |" in part or meaning == ""


def test_every_setting_of_every_data_set_has_a_row_with_its_default_and_its_meaning():
    text = page("settings")
    for kind in data_sets().values():
        for setting in settings_of(kind):
            if setting.key != "data":
                assert re.search(rf"^\| `{re.escape(setting.key)}` \| .* \| \S", text, re.M), setting.key
    assert "| `prune.contrast_weight` | `0.1` | a number ≥ 0 | β: weight of the contrastive loss" in text
    assert "| `data.correlation` | `0.95` |" in text


def test_every_section_of_the_settings_has_a_heading():
    sections = [name for name in config_model().model_fields if name not in ("recipe", "seed", "deterministic")]
    headings = re.findall("^## (.*)$", page("settings"), re.M)
    assert set(sections) <= set(headings)


@pytest.mark.parametrize("name", list(RECIPES))
def test_a_recipe_stands_there_with_equation_source_and_supervision(name):
    recipe = RECIPES[name]
    part = page("recipes").partition(f"\n### {name}\n")[2].partition("\n### ")[0]
    assert recipe.equations
    assert "\n".join(recipe.equations) in part
    assert re.search(r"- source: .*(arXiv \d{4}\.\d{5}|ours|NeurIPS)", part)
    assert re.search(r"- supervision: \w+", part)
    assert ("none" in part.partition("- supervision: ")[2].split()[:1]) == (recipe.supervision == "none")


def test_every_key_of_the_screen_and_of_its_views_has_a_row():
    text = page("keys")
    for key in KEYS:
        assert f"| {key_names(key.keys)} | {escape(key.help)} | `{key.id}` |" in text


def test_keys_have_the_names_that_stand_on_a_keyboard():
    assert key_names("question_mark,f1") == "`?` `f1`"
    assert key_names("ctrl+p") == "`Ctrl-p`"
    assert key_names("shift+left,H") == "`Shift-←` `H`"


def test_text_with_signs_of_markdown_stays_as_it_is():
    markdown = pytest.importorskip("markdown")
    text = "a_b * [c] <d> #1 {e} x|y `p(1|p)_*` $HOME"
    table = f"| a |\n|---|\n| {escape(text)} |\n"
    for html in (markdown.markdown(source, extensions=["tables"]) for source in (escape(text), table)):
        assert "a_b * [c] &lt;d&gt; #1 {e} x|y <code>p(1|p)_*</code> $HOME" in html
