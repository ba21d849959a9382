"""Settings of earlier versions are read under their new names."""

import pytest

from core.config.renamed import migrated, old_names
from core.errors import InputError
from core.overrides import validate


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"cluster": {"file": "a.csv"}}, {"cluster": {}, "find": {"file": "a.csv"}}),
        ({"environments": {"relative": True}}, {"environments": {}, "cluster": {"relative": True}}),
        ({"finetune": {"head_penalty": 0.5}}, {"finetune": {}, "head": {"penalty": 0.5}}),
        ({"cluster": {"method": "kmeans", "k": 4}}, {"cluster": {"k": 4}, "find": {"by": "clusters"}}),
        ({"cluster": {"method": "random"}}, {"cluster": {}, "find": {"by": "random"}}),
        ({"environments": {"relative": False}}, {"environments": {}, "cluster": {"relative": False}}),
        ({"cluster": {"method": "kmeans"}, "find": {"by": "errors"}}, {"cluster": {}, "find": {"by": "errors"}}),
        ({"cluster": {"file": "old"}, "find": {"file": "new"}}, {"cluster": {}, "find": {"file": "new"}}),
        ({"seed": 3, "cluster": {"k": 4}}, {"seed": 3, "cluster": {"k": 4}}),
        ({}, {}),
    ],
)
def test_an_old_setting_has_its_new_name_and_a_new_one_wins(old, new):
    before = repr(old)
    assert migrated(old) == new
    assert repr(old) == before
    assert migrated(new) == new


def test_old_names_are_listed_with_their_new_ones():
    settings = {"cluster": {"file": "a", "method": "random", "k": 2}, "environments": {"rule": "shares"}, "seed": 1}
    assert dict(old_names(settings)) == {"cluster.file": "find.file", "cluster.method": "find.by"}
    assert list(old_names(migrated(settings))) == []


def test_settings_of_an_earlier_version_are_valid():
    config = validate({"cluster": {"method": "kmeans", "file": ""}, "finetune": {"head_penalty": 0.25}}, "run 'old'")
    assert (config.find.by, config.find.file) == ("clusters", "")
    assert config.model_dump()["head"]["penalty"] == 0.25
    with pytest.raises(InputError, match=r"unknown key 'cluster\.methods'"):
        validate({"cluster": {"methods": "kmeans"}}, "settings")
