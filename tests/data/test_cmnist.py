"""ColoredMNIST with given environments: exact shares, splits, pixels."""

import numpy as np
import pytest

from core.data.dataset import agreement, environment_conflicts
from core.data.load import load
from core.data.sets.cmnist import Cmnist, environment_names
from core.data.sets.colored_mnist import ColoredMnist
from core.data.sets.multi_mnist import MultiMnist
from core.data.sets.patch_mnist import PatchMnist
from core.data.sets.texture_mnist import TextureMnist
from core.errors import InputError
from experiments.bundled import folder

SMALL = {"train_size": 3_000, "validation_size": 400, "test_size": 800}
TINY = {"train_size": 300, "validation_size": 60, "test_size": 60}
FIELDS = ("images", "labels", "attributes", "index")


def fingerprint(settings, digits):
    return settings.source(digits, None).fingerprint()


def same(one, other):
    """Whether two splits are equal in every bit."""
    environments = one.environments is None or np.array_equal(one.environments, other.environments)
    return environments and all(np.array_equal(getattr(one, name), getattr(other, name)) for name in FIELDS)


def against(split):
    return split.attributes[:, 0] != split.labels


def is_share_of(found, share, labels):
    """Whether as many of `found` [n] as share × n rounds to are true, and that share of every class within one."""
    exact = abs(found.sum() - share * len(labels)) < 0.5 + 1e-9
    here = [labels == label for label in (0, 1)]
    return exact and all(abs(found[part].sum() - share * part.sum()) <= 1 for part in here)


def test_by_default_it_is_the_data_of_the_irm_paper(make):
    dataset = make(Cmnist())
    assert {name: len(split) for name, split in dataset.splits.items()} == {
        "train": 50_000,
        "validation": 10_000,
        "test": 10_000,
    }
    assert dataset.label_names == ("0–4", "5–9")
    assert dataset.attributes == {"colour": ("red", "green")}
    assert dataset.environments == ("colour noise 20 %", "colour noise 10 %")
    assert environment_conflicts(dataset.splits["train"], dataset) == {
        "colour noise 20 %": (25_000, 5_000),
        "colour noise 10 %": (25_000, 2_500),
    }
    shares = {name: agreement(split, dataset)["colour"] for name, split in dataset.splits.items()}
    assert shares == pytest.approx({"train": 0.85, "validation": 0.85, "test": 0.1})
    assert (dataset.mean, dataset.std) == ((0.0, 0.0), (1.0, 1.0))


@pytest.mark.parametrize(
    ("noise", "size"), [((0.2, 0.1), 3_000), ((0.3,), 1_003), ((0.0, 0.5, 1.0), 1_000), ((0.25, 0.05, 0.9, 0.4), 1_402)]
)
def test_each_environment_has_its_colour_noise_and_the_label_noise_exactly(make, train_digits, noise, size):
    settings = Cmnist(train_size=size, validation_size=60, test_size=60, environment_noise=noise, label_noise=0.2)
    train = make(settings).splits["train"]
    clean = train_digits.labels[train.index] * 2 // 10
    counts = np.bincount(train.environments, minlength=len(noise))
    assert counts.sum() == size
    assert np.ptp(counts) <= 1
    for number, share in enumerate(noise):
        here = train.environments == number
        assert is_share_of(against(train)[here], share, train.labels[here])
        assert (train.labels != clean)[here].sum() == round(0.2 * here.sum())
    assert abs(against(train).sum() - np.mean(noise) * size) <= len(noise)


def test_environments_are_dealt_in_turn_and_only_to_the_training_split(make):
    splits = make(Cmnist(**TINY, environment_noise=(0.2, 0.1, 0.3))).splits
    assert splits["train"].environments.tolist() == [0, 1, 2] * 100
    assert splits["train"].environments.dtype == np.int64
    assert splits["validation"].environments is None
    assert splits["test"].environments is None


@pytest.mark.parametrize(
    ("settings", "validation"),
    [({}, 0.15), ({"environment_noise": (0.4, 0.1, 0.1)}, 0.2), ({"validation_noise": 0.5}, 0.5)],
)
def test_validation_has_the_noise_of_training_unless_told_and_test_its_own(make, settings, validation):
    splits = make(Cmnist(**SMALL, **settings, test_noise=0.7)).splits
    for name, share in (("validation", validation), ("test", 0.7)):
        assert is_share_of(against(splits[name]), share, splits[name].labels)


@pytest.mark.parametrize("share", [0.0, 0.05, 0.25, 1.0])
def test_label_noise_is_exact_in_every_split_and_without_it_labels_are_those_of_the_digits(
    make, train_digits, test_digits, share
):
    for name, split in make(Cmnist(**SMALL, label_noise=share)).splits.items():
        digit = (test_digits if name == "test" else train_digits).labels[split.index]
        assert (split.labels != (digit >= 5)).sum() == share * len(split)


def test_colour_follows_the_noisy_label_and_not_the_digit(make, train_digits):
    train = make(Cmnist(**SMALL, environment_noise=(0.0, 0.0))).splits["train"]
    assert np.array_equal(train.attributes[:, 0], train.labels)
    assert (train.labels != (train_digits.labels[train.index] >= 5)).mean() == 0.25


def test_wrong_labels_and_wrong_colours_are_drawn_independently(make, train_digits):
    train = make(Cmnist(environment_noise=(0.2,))).splits["train"]
    wrong = train.labels != (train_digits.labels[train.index] >= 5)
    both = (wrong & against(train)).mean()
    assert abs(both - 0.25 * 0.2) < 4 * np.sqrt(0.05 * 0.95 / len(train))


def test_each_environment_draws_its_own_noise(make, train_digits):
    train = make(Cmnist(**SMALL, label_noise=0.5, environment_noise=(0.1, 0.1))).splits["train"]
    wrong = train.labels != (train_digits.labels[train.index] >= 5)
    alike = (wrong[train.environments == 0] == wrong[train.environments == 1]).mean()
    assert abs(alike - 0.5) < 4 * 0.5 / np.sqrt(len(train) / 2)


def test_no_training_digit_is_in_two_splits_and_none_is_there_twice(make):
    splits = make(Cmnist()).splits
    taken = np.concatenate([splits["train"].index, splits["validation"].index])
    assert np.array_equal(np.sort(taken), np.arange(60_000))
    assert np.array_equal(np.sort(splits["test"].index), np.arange(10_000))


def test_every_second_pixel_of_the_digit_lies_in_the_channel_of_its_colour_and_nowhere_else(
    make, train_digits, test_digits
):
    for name, split in make(Cmnist(**TINY)).splits.items():
        source = test_digits if name == "test" else train_digits
        assert split.images.shape == (len(split), 2, 14, 14)
        assert split.images.dtype == np.uint8
        assert set(split.attributes[:, 0]) == {0, 1}
        for image, colour, index in zip(split.images, split.attributes[:, 0], split.index, strict=True):
            plain = np.zeros((2, 14, 14), dtype=np.uint8)
            for row in range(14):
                for column in range(14):
                    plain[colour, row, column] = source.images[index, 2 * row, 2 * column]
            assert np.array_equal(image, plain)


def test_the_grey_twin_has_the_same_digits_labels_colours_and_environments_in_one_channel(make):
    coloured, grey = make(Cmnist(**SMALL)), make(Cmnist(**SMALL, grey=True))
    for name, split in coloured.splits.items():
        twin = grey.splits[name]
        assert twin.images.shape == (len(split), 1, 14, 14)
        assert np.array_equal(twin.images[:, 0], split.images.max(axis=1))
        for field in FIELDS[1:]:
            assert np.array_equal(getattr(twin, field), getattr(split, field))
    assert np.array_equal(grey.splits["train"].environments, coloured.splits["train"].environments)
    assert (grey.attributes, grey.environments) == (coloured.attributes, coloured.environments)
    assert (grey.mean, grey.std) == ((0.0,), (1.0,))


def test_the_same_seed_gives_the_same_bits_and_another_seed_other_ones(make):
    first, again, other = (make(Cmnist(**SMALL, seed=seed)) for seed in (7, 7, 8))
    for name, split in first.splits.items():
        assert same(split, again.splits[name])
        for field in FIELDS:
            assert not np.array_equal(getattr(split, field), getattr(other.splits[name], field))


def test_no_split_depends_on_the_size_or_the_noise_of_another(make):
    first = make(Cmnist(**SMALL)).splits
    elsewhere = make(Cmnist(train_size=3_000, validation_size=700, test_size=70, validation_noise=0.3, test_noise=0.5))
    assert same(first["train"], elsewhere.splits["train"])
    assert not same(first["test"], elsewhere.splits["test"])
    other_train = make(Cmnist(**SMALL | {"train_size": 2_000}, environment_noise=(0.4, 0.3, 0.1))).splits
    assert same(first["test"], other_train["test"])


def test_the_colour_noise_of_one_environment_leaves_the_others_alone(make):
    first, other = (make(Cmnist(**SMALL, environment_noise=(e, 0.1))).splits["train"] for e in (0.2, 0.4))
    second = first.environments == 1
    assert np.array_equal(first.labels, other.labels)
    assert np.array_equal(first.attributes[second], other.attributes[second])
    assert not np.array_equal(first.attributes[~second], other.attributes[~second])


def test_environments_are_named_by_their_noise_and_never_alike():
    assert environment_names((0.07, 0.125, 1)) == ("colour noise 7 %", "colour noise 12.5 %", "colour noise 100 %")
    assert environment_names((0.2, 0.1, 0.2)) == ("colour noise 20 % (1)", "colour noise 10 %", "colour noise 20 % (2)")


def test_more_environments_than_training_images_give_a_sentence(make):
    assert (
        np.bincount(
            make(Cmnist(**TINY | {"train_size": 100}, environment_noise=(0.1,) * 100)).splits["train"].environments
        ).tolist()
        == [1] * 100
    )
    with pytest.raises(
        InputError, match=r"\Adata.environment_noise: 100 training images are too few for 101 environments"
    ):
        make(Cmnist(**TINY | {"train_size": 100}, environment_noise=(0.1,) * 101))


@pytest.mark.parametrize(
    "settings",
    [
        ColoredMnist(**SMALL, classes=2),
        ColoredMnist(**SMALL, classes=5),
        ColoredMnist(**SMALL, classes=10),
        PatchMnist(**SMALL),
        TextureMnist(**SMALL),
        MultiMnist(**SMALL),
        Cmnist(**SMALL),
        Cmnist(**SMALL, environment_noise=(0.1, 0.2, 0.3)),
        Cmnist(**SMALL, grey=True, environment_noise=(0.1,)),
    ],
    ids=lambda settings: settings.name,
)
def test_settings_say_beforehand_how_many_labels_and_environments_there_will_be(make, settings):
    dataset = make(settings)
    assert dataset.name == settings.name
    assert len(dataset.label_names) == settings.n_classes
    assert set(dataset.splits["train"].labels) == set(range(settings.n_classes))
    assert len(dataset.environments) == settings.n_given_environments
    train = dataset.splits["train"]
    assert (train.environments is None) == (settings.n_given_environments == 0)
    assert len(environment_conflicts(train, dataset)) == settings.n_given_environments
    if train.environments is not None:
        assert set(train.environments) == set(range(settings.n_given_environments))


def test_loading_gives_it_with_a_fingerprint_that_every_setting_changes(make):
    settings = Cmnist(**TINY)
    loaded = load(settings, folder())
    assert loaded.fingerprint == fingerprint(settings, folder())
    assert all(same(split, loaded.splits[name]) for name, split in make(settings).splits.items())
    changes = {
        "train_size": 400,
        "validation_size": 61,
        "test_size": 61,
        "label_noise": 0.1,
        "seed": 1,
        "environment_noise": (0.1, 0.2),
        "validation_noise": 0.15,
        "test_noise": 0.8,
        "grey": True,
    }
    assert set(changes) == set(Cmnist.model_fields) - {"name"}
    prints = {fingerprint(settings.model_copy(update={key: value}), folder()) for key, value in changes.items()}
    assert len(prints | {loaded.fingerprint}) == len(changes) + 1
