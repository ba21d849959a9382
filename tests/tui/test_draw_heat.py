"""The table of clusters as rows of text: what gives way where it does not fit."""

import pytest

from core.events import Balanced, PseudoGroupsFound
from prusc_tui.palette import SHELL
from prusc_tui.views.groups.heat import columns_for, heat_table, short


def clustered(k, labels, attributes=()):
    names = [f"class {i}" for i in range(labels)]
    groups = [f"{name} · {value}" for name in names for value in attributes]
    table = [[1000 * c + 17 * y + 1200 for y in range(labels)] for c in range(k)]
    by_group = [[n // len(attributes) for n in row for _ in attributes] for row in table] if groups else []
    return PseudoGroupsFound("cluster", names, table, groups, by_group)


@pytest.mark.parametrize("width", [40, 57, 77, 118, 197])
@pytest.mark.parametrize(("labels", "values"), [(2, 2), (2, 0), (10, 10), (40, 2)])
@pytest.mark.parametrize("k", [1, 16])
def test_lines_have_the_width_and_numbers_are_whole(width, labels, values, k):
    given = clustered(k, labels, [f"v{i}" for i in range(values)])
    balanced = Balanced("balance", "min", 5, [[5] * labels] * k)
    lines = [line.plain for line in heat_table(given, balanced, 0, width, SHELL)]
    assert len(lines) == 3 + k
    assert {len(line) for line in lines} == {width}
    for row, counts in zip(lines[3:], given.table, strict=True):
        assert f"{sum(counts):,}" in row


def test_what_does_not_fit_gives_way_in_order():
    given = clustered(2, 2, ["red", "green"])
    balanced = Balanced("balance", "min", 5, [[5, 5]] * 2)
    layouts = [columns_for(given, balanced, width) for width in (100, 58, 50, 42, 38, 34)]
    assert [(len(x.heads), x.largest > 7, x.balanced, x.compact) for x in layouts] == [
        (4, True, True, False),
        (4, False, True, False),
        (4, False, False, False),
        (4, False, False, True),
        (2, False, False, False),
        (2, False, False, True),
    ]
    assert columns_for(clustered(2, 40), None, 57).more > 30


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (999, "999"), (1000, "1.0k"), (9_940, "9.9k"), (9_960, "10k"), (14_588, "15k"), (999_400, "999k"),
     (1_200_000, "1.2M"), (999_900, "1.0M")],
)  # fmt: skip
def test_short_counts_have_four_cells_at_most(number, text):
    assert short(number) == text
    assert len(short(number)) <= 4
