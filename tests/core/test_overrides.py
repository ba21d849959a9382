"""From words to settings."""

from copy import deepcopy

import pytest

from core.config import config_model
from core.data.sets.multi_mnist import MultiMnist
from core.errors import InputError
from core.overrides import merge, nest, parse_overrides, read_toml, validate


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("3", 3),
        ("-0.5", -0.5),
        ("1e-6", 1e-6),
        ("1_000", 1000),
        ("true", True),
        ("True", "True"),
        ("[0.25, 1]", [0.25, 1]),
        ("[]", []),
        ('["fc", "conv1"]', ["fc", "conv1"]),
        ("'3'", "3"),
        ("other-class", "other-class"),
        ("auto", "auto"),
        ("", ""),
        ("a=b", "a=b"),
        ("  3  ", 3),
        ("[1, 2", "[1, 2"),
        ("1\nother = 2", "1\nother = 2"),
    ],
)
def test_a_value_is_toml_where_it_can_be_and_plain_text_where_not(word, value):
    read = parse_overrides([f"a.b={word}"])
    assert read == {"a": {"b": value}}
    assert type(read["a"]["b"]) is type(value)


def test_overrides_nest_and_the_later_wins():
    texts = ["prune.lr=0.1", "seed=3", "prune.steps=5", " prune . lr =0.2", "data.name=patch-mnist"]
    assert parse_overrides(texts) == {
        "prune": {"lr": 0.2, "steps": 5},
        "seed": 3,
        "data": {"name": "patch-mnist"},
    }


@pytest.mark.parametrize("text", ["prune.lr", "=3", "a..b=1", ".a=1", "a.=1", ""])
def test_a_text_without_key_and_value_gives_a_sentence(text):
    with pytest.raises(InputError, match="expected KEY=VALUE"):
        parse_overrides([text])


def test_merge_lays_section_over_section():
    base = {"a": {"x": 1, "y": {"z": 2}}, "b": 3}
    assert merge(base, {"a": {"y": {"w": 4}}, "c": {"d": 5}, "b": {"e": 6}}) is base
    assert base == {"a": {"x": 1, "y": {"z": 2, "w": 4}}, "b": {"e": 6}, "c": {"d": 5}}


def test_merge_shares_no_section_with_what_it_was_given():
    over = {"a": {"b": {"c": 1}}}
    kept = deepcopy(over)
    base = merge({}, over)
    base["a"]["b"]["c"] = 2
    merge(base, {"a": {"b": {"d": 3}}})
    assert over == kept


def test_nest_builds_from_the_inside_out():
    assert nest(["a", "b", "c"], [1]) == {"a": {"b": {"c": [1]}}}


def test_no_settings_are_the_defaults_and_data_without_a_name_is_coloured_digits():
    assert validate({}, "here") == config_model()()
    config = validate({"data": {"classes": 5}}, "here")
    assert (config.data.name, config.data.classes) == ("colored-mnist", 5)
    assert validate({"data": {"name": "multi-mnist"}}, "here").data == MultiMnist()


def test_validate_leaves_the_settings_as_they_are():
    settings = {"data": {"classes": 5}}
    validate(settings, "here")
    assert settings == {"data": {"classes": 5}}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("prune.lrr=1", "unknown key 'prune.lrr'; did you mean 'prune.lr'?"),
        ("prunne.lr=1", "unknown key 'prunne'; did you mean 'prune'?"),
        ("data.clases=5", "unknown key 'data.clases'; did you mean 'data.classes'?"),
        ("qqqqqqqq=1", "unknown key 'qqqqqqqq'"),
        ("data.patch_size=5", "key 'data.patch_size' does not exist for data.name=colored-mnist"),
        (
            "data.name=colord-mnist",
            "unknown data set 'colord-mnist'; did you mean 'colored-mnist'? "
            "(known: colored-mnist, patch-mnist, texture-mnist, multi-mnist, cmnist, "
            "waterbirds, celeba, isic, folder)",
        ),
        ("erm.lr=-1", "erm.lr = -1: input should be greater than 0"),
        ("erm.keep_epochs=[-1, -2]", "erm.keep_epochs = -1: input should be greater than 0"),
        ("data.classes=3", "data.classes = 3: input should be 2, 5 or 10"),
        ("cluster.k=1", "cluster.k = 1: input should be greater than or equal to 2, or input should be 'auto'"),
        (
            "represent.checkpoints=[-1.0]",
            "represent.checkpoints = [-1.0]: input should be 'kept' or 'last', or input should be greater than 0",
        ),
        ("represent.checkpoints=[9.0]", "represent.checkpoints: ERM does not keep epoch 9; add it to erm.keep_epochs"),
        ("data.train_size=58_000", "data: train_size and validation_size together exceed the 60,000 training digits"),
    ],
)
def test_what_does_not_fit_gives_one_sentence_that_starts_with_its_source(text, sentence):
    with pytest.raises(InputError) as caught:
        validate(parse_overrides([text]), "--set")
    assert str(caught.value) == f"--set: {sentence}"


def test_toml_is_read_as_nested_settings(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text('recipe = "prusc"\n[data]\nname = "patch-mnist"\n[prune]\nlr = 0.5\n')
    assert read_toml(path) == {"recipe": "prusc", "data": {"name": "patch-mnist"}, "prune": {"lr": 0.5}}


def test_a_fault_in_toml_is_told_by_file_and_line(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text("seed = 1\n[prune]\nlr = = 2\n")
    with pytest.raises(InputError, match=r"own\.toml: is not valid TOML: .*line 3, column 6"):
        read_toml(path)


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_told_by_name(tmp_path, content):
    path = tmp_path / "own.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"own\.toml: "):
        read_toml(path)
