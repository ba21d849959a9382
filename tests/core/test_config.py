"""What can be set, and the hash that reuse stands on."""

import random

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from core.config import Cluster, Config, Erm, Prune, Represent, config_model, differences, flatten
from core.config.data import Data
from core.data.sets.celeba import Celeba
from core.data.sets.cmnist import Cmnist
from core.data.sets.colored_mnist import ColoredMnist
from core.data.sets.folder import Folder
from core.data.sets.isic import Isic
from core.data.sets.multi_mnist import MultiMnist
from core.data.sets.patch_mnist import PatchMnist
from core.data.sets.texture_mnist import TextureMnist
from core.data.sets.waterbirds import Waterbirds
from core.data.settings import Bundled

DATA_SETS = [ColoredMnist, PatchMnist, TextureMnist, MultiMnist, Cmnist, Waterbirds, Celeba, Isic, Folder]
OTHER_VALUES = (
    True,
    False,
    1,
    2,
    3,
    50,
    300,
    0.25,
    0.75,
    (0.5,),
    (0.5, 0.25),
    (2,),
    ("fc",),
    (0.5, 0.25, 0.25),
    "other",
)


def sections():
    return [config_model()(data=cls()) for cls in DATA_SETS]


def shuffled(value):
    if not isinstance(value, dict):
        return value
    keys = list(value)
    random.Random(1).shuffle(keys)
    return {key: shuffled(value[key]) for key in keys}


def another(section: BaseModel, name: str):
    """A valid section in which only `name` is different."""
    for candidate in (*OTHER_VALUES, *_literals(section, name)):
        try:
            changed = type(section).model_validate({**section.model_dump(), name: candidate})
        except ValidationError:
            continue
        if getattr(changed, name) != getattr(section, name):
            return changed
    raise AssertionError(f"no other value found for {name}")


def _literals(section, name):
    schema = type(section).model_json_schema()["properties"][name]
    arms = schema.get("anyOf", [schema])
    several = [(word,) for arm in arms for word in arm.get("items", {}).get("enum", [])]
    return [*(word for arm in arms for word in arm.get("enum", [])), *several]


def every_field():
    for config in sections():
        for name, value in config:
            if not isinstance(value, BaseModel):
                yield pytest.param(config, None, name, id=f"{config.data.name}-{name}")
                continue
            for key in type(value).model_fields:
                if (name, key) != ("data", "name"):
                    yield pytest.param(config, name, key, id=f"{config.data.name}-{name}.{key}")


@pytest.mark.parametrize(("config", "section", "name"), every_field())
def test_any_changed_value_changes_the_hash_and_is_the_only_difference(config, section, name):
    if section is None:
        changed, key = another(config, name), name
    else:
        part = another(getattr(config, section), name)
        changed, key = config.model_copy(update={section: part}), f"{section}.{name}"
        assert part.canonical_hash() != getattr(config, section).canonical_hash()
    assert changed.canonical_hash() != config.canonical_hash()
    assert set(differences(changed, config)) == {key}


def test_data_sets_of_equal_values_have_hashes_of_their_own():
    assert len({cls().canonical_hash() for cls in DATA_SETS}) == len(DATA_SETS)


@pytest.mark.parametrize("config", sections(), ids=lambda c: c.data.name)
def test_a_config_survives_json_and_the_order_of_keys_changes_no_hash(config):
    dumped = config.model_dump(mode="json")
    again = type(config).model_validate_json(config.model_dump_json())
    assert again == config
    assert type(config).model_validate(shuffled(dumped)).canonical_hash() == config.canonical_hash()


def test_a_whole_number_and_its_float_have_one_hash():
    assert Erm(lr=1, epochs=2).canonical_hash() == Erm(lr=1.0, epochs=2.0).canonical_hash()


def test_a_config_cannot_be_changed():
    config = Config()
    with pytest.raises(ValidationError, match="frozen"):
        config.seed = 3
    with pytest.raises(ValidationError, match="frozen"):
        config.erm.lr = 3.0


@pytest.mark.parametrize("value", [{"sed": 1}, {"erm": {"lrr": 1}}, {"data": {"name": "patch-mnist", "classes": 2}}])
def test_an_unknown_key_is_refused(value):
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        Config.model_validate(value)


@pytest.mark.parametrize("lr", [float("nan"), float("inf"), 0, -1])
def test_a_learning_rate_is_a_positive_number(lr):
    with pytest.raises(ValidationError):
        Erm(lr=lr)


def test_every_setting_says_what_it_is():
    for config in sections():
        for _, section in config:
            if isinstance(section, BaseModel):
                undescribed = {k for k, f in type(section).model_fields.items() if not f.description} - {"name"}
                assert not undescribed


@pytest.mark.parametrize("cls", DATA_SETS)
def test_a_data_section_is_known_by_its_name(cls):
    adapter = TypeAdapter(Data)
    assert adapter.validate_python({"name": cls().name}) == cls()


@pytest.mark.parametrize("cls", [cls for cls in DATA_SETS if issubclass(cls, Bundled)])
def test_training_and_validation_share_60000_digits(cls):
    assert cls(train_size=55_000, validation_size=5_000).validation_size == 5_000
    with pytest.raises(ValidationError, match="together exceed the 60,000"):
        cls(train_size=55_000, validation_size=5_001)


@pytest.mark.parametrize("cls", [Waterbirds, Celeba, Isic, Folder])
def test_a_crop_is_no_larger_than_what_is_kept_of_an_image(cls):
    assert cls(size=64, stored=64).size == 64
    with pytest.raises(ValidationError, match="size 65 is larger than stored 64"):
        cls(size=65, stored=64)


@pytest.mark.parametrize("cls", [Waterbirds, Celeba, Isic, Folder])
def test_a_data_set_in_a_folder_says_what_it_needs_until_a_folder_is_named(cls):
    assert cls(root="somewhere").missing == ""
    sentence = f"{cls().name} is not bundled; pass its folder with --data-root FOLDER or data.root"
    assert cls().missing == f"{sentence} ({cls.layout})"


@pytest.mark.parametrize(
    ("cls", "key", "label"),
    [
        (Celeba, "attributes", {"target": "Young"}),
        (Isic, "attribute_columns", {"label_column": "Young"}),
        (Folder, "attribute_columns", {"label_column": "Young"}),
    ],
)
def test_attributes_are_not_the_label_and_each_is_named_once(cls, key, label):
    assert getattr(cls(**{key: ("Male", "Bald")}, **label), key) == ("Male", "Bald")
    assert getattr(cls(**{key: ()}, **label), key) == ()
    with pytest.raises(ValidationError, match=f"{key}: 'Young' is already the label"):
        cls(**{key: ("Male", "Young")}, **label)
    with pytest.raises(ValidationError, match=f"{key}: 'Male' occurs twice"):
        cls(**{key: ("Male", "Bald", "Male")}, **label)


def test_every_drawn_split_has_a_share_and_they_sum_to_one():
    assert Folder(fractions=(0.8, 0.1, 0.1)).fractions == (0.8, 0.1, 0.1)
    with pytest.raises(ValidationError, match=r"fractions sum to 0\.9, not 1"):
        Folder(fractions=(0.8, 0.05, 0.05))
    with pytest.raises(ValidationError, match="each need a share above 0"):
        Folder(fractions=(0.8, 0.2, 0))


def test_given_environments_are_one_or_more_with_a_share_each():
    assert Cmnist(environment_noise=(0, 1, 0.5)).environment_noise == (0.0, 1.0, 0.5)
    with pytest.raises(ValidationError, match="at least 1 item"):
        Cmnist(environment_noise=())
    for share in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValidationError):
            Cmnist(environment_noise=(0.2, share))


@pytest.mark.parametrize(
    ("epochs", "keep", "checkpoints"),
    [(2.0, (0.5, 1.0), (0.5,)), (2.0, (0.5, 1.0), (1.0, 2.0)), (0.5, (0.25,), (0.5,)), (2.0, (0.5,), "kept")],
)
def test_checkpoints_to_represent_are_those_that_erm_keeps(epochs, keep, checkpoints):
    config = Config(erm=Erm(epochs=epochs, keep_epochs=keep), represent=Represent(checkpoints=checkpoints))
    assert config.represent.checkpoints == checkpoints


@pytest.mark.parametrize(("epochs", "keep", "checkpoint"), [(2.0, (0.5, 1.0), 0.75), (2.0, (0.5, 4.0), 4.0)])
def test_a_checkpoint_that_erm_does_not_keep_is_refused_by_its_number(epochs, keep, checkpoint):
    with pytest.raises(ValidationError, match=f"does not keep epoch {checkpoint:g};"):
        Config(erm=Erm(epochs=epochs, keep_epochs=keep), represent=Represent(checkpoints=(checkpoint,)))


def test_clusters_of_one_class_each_need_negatives_from_elsewhere():
    with pytest.raises(ValidationError, match=r"set prune\.negatives=other-class"):
        Config(cluster=Cluster(per_class=True))
    assert Config(cluster=Cluster(per_class=True), prune=Prune(negatives="other-class"))
    assert Config(cluster=Cluster(per_class=True), prune=Prune(contrast_weight=0))


def test_differences_give_both_values_and_none_where_a_setting_is_absent():
    ours = Config(seed=3, data=PatchMnist(patch_size=7), erm=Erm(keep_epochs=(1.0,)))
    assert differences(ours, ours) == {}
    found = differences(ours, Config())
    assert found["seed"] == (3, 0)
    assert found["data.name"] == ("patch-mnist", "colored-mnist")
    assert found["data.patch_size"] == (7, None)
    assert found["data.saturation"] == (None, 0.5)
    assert found["erm.keep_epochs"] == ([1.0], [0.25, 0.5, 1.0, 2.0, 4.0])
    assert {key.split(".")[0] for key in found} == {"seed", "data", "erm"}


def test_flatten_walks_in_order():
    assert list(flatten({"b": {"c": 1, "a": {"x": [2]}}, "a": None})) == [("b.c", 1), ("b.a.x", [2]), ("a", None)]
