"""Who is in which split, with which label and attributes."""

from itertools import combinations

import numpy as np
import pytest

from core.data.dataset import agreement, group_counts, groups, training_shares
from core.data.draw import add_label_noise, correlate, stream
from core.data.sets.colored_mnist import ColoredMnist
from core.data.sets.multi_mnist import MultiMnist
from core.data.sets.patch_mnist import PatchMnist
from core.data.sets.texture_mnist import TextureMnist
from core.errors import InputError
from core.groups import group_titles

SMALL = {"train_size": 3_000, "validation_size": 400, "test_size": 800}
ALL = [ColoredMnist, PatchMnist, TextureMnist, MultiMnist]


def conflicts(split, column=0):
    return int((split.attributes[:, column] != split.labels).sum())


def test_thirty_thousand_at_95_percent_have_1500_conflicts(make):
    train = make(ColoredMnist()).splits["train"]
    assert len(train) == 30_000
    assert conflicts(train) == 1_500


@pytest.mark.parametrize("classes", [2, 5, 10])
@pytest.mark.parametrize("correlation", [0.0, 0.333, 0.9, 0.999, 1.0])
def test_conflicts_are_exact_in_all_and_within_one_in_every_class(classes, correlation):
    labels = stream(3, "labels").integers(0, classes, 1_237)
    attribute = correlate(labels, classes, correlation, stream(3, "attribute"))
    agrees = attribute == labels
    assert agrees.sum() == round(correlation * len(labels))
    for label in range(classes):
        here = labels == label
        assert abs(agrees[here].sum() - correlation * here.sum()) <= 1
        others = np.bincount(attribute[here & ~agrees], minlength=classes)
        others = np.delete(others, label)
        assert others.max() - others.min() <= 1


def test_which_samples_conflict_depends_on_the_stream_alone():
    labels = np.zeros(1_000, dtype=np.int64)
    first, again, other = (correlate(labels, 2, 0.5, stream(seed, "a")) for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert 300 < (first != other).sum() < 700  # 500 are expected of two independent halves


def test_two_attributes_are_independent_given_the_label(make):
    train = make(MultiMnist(train_size=30_000, correlation=0.8, patch_correlation=0.7)).splits["train"]
    assert conflicts(train, 0) == 6_000
    assert conflicts(train, 1) == 9_000
    for label in (0, 1):
        differs = train.attributes[train.labels == label] != label
        both = differs.all(axis=1).sum()
        expected, n = 0.2 * 0.3, len(differs)
        assert abs(both / n - expected) < 4 * np.sqrt(expected * (1 - expected) / n)


@pytest.mark.parametrize("kind", ALL)
def test_validation_and_test_are_balanced_over_all_groups(make, kind):
    dataset = make(kind(**SMALL))
    for name, size in (("validation", 400), ("test", 800)):
        counts = group_counts(dataset.splits[name], dataset)
        assert counts.sum() == size
        assert len(set(counts.tolist())) == 1
        assert set(agreement(dataset.splits[name], dataset).values()) == {0.5}


def test_a_balanced_size_is_rounded_down_to_the_groups(make):
    splits = make(ColoredMnist(train_size=3_000, validation_size=499, test_size=1_000, classes=10)).splits
    assert len(splits["validation"]) == 400
    assert len(splits["test"]) == 1_000


def test_as_train_keeps_the_training_correlation(make):
    dataset = make(ColoredMnist(**SMALL, correlation=0.9, evaluation="as-train"))
    for name, size in (("train", 3_000), ("validation", 400), ("test", 800)):
        assert len(dataset.splits[name]) == size
        assert agreement(dataset.splits[name], dataset) == {"colour": 0.9}


def test_too_few_digits_of_a_class_give_a_sentence_with_the_size_that_works(make):
    with pytest.raises(InputError, match=r"test_size = 9600: .* 892 of class 5 .* set it to 8900 or less"):
        make(ColoredMnist(classes=10, test_size=9_600))
    dataset = make(ColoredMnist(classes=10, test_size=8_900))
    assert set(group_counts(dataset.splits["test"], dataset)) == {89}


@pytest.mark.parametrize(
    ("settings", "size"),
    [
        (ColoredMnist(), 9_600),
        (ColoredMnist(classes=5), 9_350),
        (ColoredMnist(classes=10), 8_900),
        (ColoredMnist(classes=10, evaluation="as-train"), 9_600),
        (MultiMnist(), 9_600),
    ],
)
def test_without_a_test_size_the_test_split_is_as_large_as_the_digits_allow(make, settings, size):
    dataset = make(settings)
    assert len(dataset.splits["test"]) == size
    if settings.evaluation == "balanced":
        assert len(set(group_counts(dataset.splits["test"], dataset))) == 1


def test_a_balanced_size_below_the_number_of_groups_gives_a_sentence(make):
    with pytest.raises(InputError, match=r"data.validation_size = 99: .* at least 100"):
        make(ColoredMnist(classes=10, train_size=3_000, validation_size=99, test_size=1_000))


@pytest.mark.parametrize("evaluation", ["balanced", "as-train"])
def test_no_training_digit_is_in_two_splits_and_none_is_there_twice(make, evaluation):
    splits = make(PatchMnist(train_size=55_000, validation_size=4_000, evaluation=evaluation)).splits
    taken = np.concatenate([splits["train"].index, splits["validation"].index])
    assert len(np.unique(taken)) == len(taken) == 59_000
    assert len(np.unique(splits["test"].index)) == len(splits["test"])
    assert splits["test"].index.max() < 10_000


@pytest.mark.parametrize("classes", [2, 5, 10])
def test_without_noise_the_label_is_that_of_the_digit(make, train_digits, test_digits, classes):
    dataset = make(ColoredMnist(**SMALL, classes=classes))
    for name, split in dataset.splits.items():
        digit = (test_digits if name == "test" else train_digits).labels[split.index]
        assert np.array_equal(split.labels, digit * classes // 10)
        for number, title in enumerate(dataset.label_names):
            low, _, high = title.partition("–")
            here = digit[split.labels == number]
            assert {here.min(), here.max()} == {int(low), int(high or low)}


def test_label_noise_has_its_share_and_reaches_every_other_class():
    labels = np.repeat(np.arange(10), 1_000)
    noisy = add_label_noise(labels, 10, 0.25, stream(0, "noise"))
    changed = noisy != labels
    assert changed.sum() == 2_500
    for label in range(10):
        others = np.bincount(noisy[changed & (labels == label)], minlength=10)
        assert others[label] == 0
        assert np.delete(others, label).min() > 0


def test_attributes_follow_the_noisy_label(make, train_digits, test_digits):
    dataset = make(ColoredMnist(**SMALL, correlation=1.0, label_noise=0.25))
    for name, split in dataset.splits.items():
        clean = (test_digits if name == "test" else train_digits).labels[split.index] * 2 // 10
        share = (split.labels != clean).mean()
        assert abs(share - 0.25) < (1e-9 if name == "train" else 4 * np.sqrt(0.1875 / len(split)))
    train = dataset.splits["train"]
    assert np.array_equal(train.attributes[:, 0], train.labels)
    assert len(set(group_counts(dataset.splits["test"], dataset).tolist())) == 1


@pytest.mark.parametrize("kind", ALL)
def test_the_same_seed_gives_the_same_bits_and_another_seed_other_ones(make, kind):
    first, again, other = (make(kind(**SMALL, label_noise=0.1, seed=seed)) for seed in (7, 7, 8))
    for name, split in first.splits.items():
        for field in ("images", "labels", "attributes", "index"):
            assert np.array_equal(getattr(split, field), getattr(again.splits[name], field))
        assert not np.array_equal(split.index, other.splits[name].index)
        assert not np.array_equal(split.images, other.splits[name].images)
    assert first.mean == again.mean


def test_streams_of_other_names_and_seeds_are_unrelated():
    draws = [stream(*key).random(2_000) for key in ((0, "a"), (0, "b"), (1, "a"), (0, "a/b"))]
    for one, two in combinations(draws, 2):
        assert abs(np.corrcoef(one, two)[0, 1]) < 0.1


def test_group_numbers_are_in_the_order_of_the_titles(make):
    dataset = make(MultiMnist(**SMALL))
    split = dataset.splits["train"]
    titles = group_titles(dataset.label_names, dataset.attributes)
    names = list(dataset.attributes)
    for number, label, values in zip(groups(split, dataset), split.labels, split.attributes, strict=True):
        words = {name: dataset.attributes[name][value] for name, value in zip(names, values, strict=True)}
        assert titles[number] == (dataset.label_names[label], words)


def test_training_shares_are_those_of_the_groups(make):
    dataset = make(PatchMnist(**SMALL))
    shares = training_shares(dataset)
    assert sum(shares) == pytest.approx(1)
    number = groups(dataset.splits["train"], dataset)
    assert shares == tuple(float((number == group).mean()) for group in range(4))
