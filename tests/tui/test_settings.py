"""The user's settings file, and the table of keys."""

import re

import pytest

from core.errors import InputError
from experiments.notify import Notify, read_notify
from experiments.user_settings import settings_path
from prusc_tui.keymap import AREAS, KEYS, check_keymap
from prusc_tui.keys import bindings
from prusc_tui.settings import Settings, read_settings, remember_theme
from prusc_tui.themes import NAMES

AT_ONCE = [("app", "runs", "life"), *(("app", "run", "life", view) for view in ("charts", "groups", "masks", "log"))]
AT_ONCE += [("app", "queue"), ("app", "sweeps"), ("app", "sweep")]
"""Areas whose keys are at work at the same time; a later one is nearer to the focus and wins."""


def written(tmp_path, text):
    path = tmp_path / "settings.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_without_a_file_the_defaults_hold(tmp_path):
    assert read_settings(tmp_path / "settings.toml") == Settings()


def test_the_file_follows_xdg_and_can_be_named(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("PRUSC_SETTINGS", raising=False)
    assert settings_path() == tmp_path / "prusc-tui" / "settings.toml"
    monkeypatch.setenv("PRUSC_SETTINGS", str(tmp_path / "mine.toml"))
    assert settings_path() == tmp_path / "mine.toml"


def test_theme_and_keys_are_read(tmp_path):
    path = written(tmp_path, 'theme = "paper"\n[keys]\n"life.stop" = "ctrl+x"\n')
    assert read_settings(path) == Settings("paper", {"life.stop": "ctrl+x"})


@pytest.mark.parametrize("command", ["\"ntfy publish 'my topic'\"", '["ntfy", "publish", "my topic"]'])
def test_notifications_are_read_and_a_command_is_words_or_a_list_of_them(tmp_path, command):
    path = written(tmp_path, f"[notify]\nterminal = true\ncommand = {command}\n")
    assert read_settings(path).notify == Notify(True, ("ntfy", "publish", "my topic"))
    assert read_notify(path) == Notify(True, ("ntfy", "publish", "my topic"))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('them = "paper"', r"unknown setting 'them'.*theme"),
        ('theme = "papre"', r"unknown theme 'papre'.*paper"),
        ('[keys]\n"life.stpo" = "x"', r"\[keys\]: unknown key 'life.stpo'.*life\.stop"),
        ('[keys]\n"life.stop" = 3', r"'life.stop' needs the name of a key"),
        ('keys = "x"', "keys must be a table"),
        ("theme = = 1", "line 1"),
        ("notify = true", r"\[notify\]: must be a table"),
        ("[notify]\nterminl = true", r"\[notify\]: unknown setting 'terminl'.*terminal"),
        ('[notify]\nterminal = "yes"', "terminal must be true or false"),
        ("[notify]\ncommand = 3", "command must be the words of a command"),
        ("[notify]\ncommand = []", "command must be the words of a command"),
        ("[notify]\ncommand = 'say \"done'", "No closing quotation"),
    ],
)
def test_a_mistake_is_named_with_file_and_key(tmp_path, text, sentence):
    path = written(tmp_path, text)
    with pytest.raises(InputError, match=sentence) as found:
        read_settings(path)
    assert str(path) in str(found.value)
    assert "\n" not in str(found.value)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, 'theme = "nord"\n'),
        ('# mine\ntheme = "paper"\n', '# mine\ntheme = "nord"\n'),
        ('[keys]\n"life.stop" = "x" # quick\n', 'theme = "nord"\n[keys]\n"life.stop" = "x" # quick\n'),
    ],
)
def test_a_theme_is_remembered_and_the_rest_of_the_file_kept(tmp_path, before, after):
    path = tmp_path / "deep" / "settings.toml"
    if before is not None:
        path.parent.mkdir()
        path.write_text(before)
    remember_theme(path, "nord")
    assert path.read_text() == after
    assert read_settings(path).theme == "nord"


def test_keys_of_the_view_of_clusters_of_earlier_versions_are_those_of_groups():
    given = {"clusters.colour": "f9", "run.clusters": "0", "groups.view": "w"}
    assert check_keymap(given, "s") == {"groups.colour": "f9", "run.groups": "0", "groups.view": "w"}
    with pytest.raises(InputError, match=r"did you mean 'groups\.colour'"):
        check_keymap({"clusters.color": "x"}, "s")


def test_every_key_has_an_id_of_its_own_an_area_and_a_sentence():
    assert len({key.id for key in KEYS}) == len(KEYS)
    assert {key.area for key in KEYS} <= set(AREAS)
    assert all(re.fullmatch(r"[a-z]+\.[a-z_]+", key.id) and key.help and not key.help.endswith(".") for key in KEYS)


@pytest.mark.parametrize("areas", AT_ONCE, ids="+".join)
def test_keys_that_work_at_the_same_time_do_not_hide_each_other(areas):
    """A view may take over nothing of the screen around it; within an area no key stands twice."""
    seen = {}
    for key in KEYS:
        if key.area in areas:
            for name in key.keys.split(","):
                other = seen.setdefault(name, key)
                allowed = {("run", "charts"), ("life", "charts"), ("run", "log"), ("life", "masks")}
                assert other is key or (other.area, key.area) in allowed, f"{name}: {other.id} and {key.id}"


def test_bindings_carry_ids_so_that_a_keymap_can_name_them():
    assert [binding.id for binding in bindings("life")] == [key.id for key in KEYS if key.area == "life"]
    assert check_keymap({"app.quit": "ctrl+w"}, "here") == {"app.quit": "ctrl+w"}


def test_there_are_four_themes_of_ours_and_one_for_every_kind_of_colour_vision():
    assert len(NAMES) >= 10
    assert {"ink", "paper", "colour-blind", "contrast"} <= set(NAMES)
