"""Tables of any text: pseudo-groups or columns, or a sentence with the file; what is exported is read again."""

import io
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.data.columns import read_columns
from core.data.table import unusable_paths
from core.finding.table import SplitRows, read_groups
from experiments.export.tables import for_csv
from tests.hostile import EVIL, refusal

CELL = st.text(st.characters(exclude_categories=["Cs"]), max_size=5) | st.sampled_from(
    ["0", "1", "2", "-1", "1.0", "9" * 30, "index", "path", "group", "label", "split", "train", "a.png", "=1", "\x00"]
)
MARK = st.sampled_from([",", ";", "\t", "\n", "\r\n", '"', ""])
TEXT = st.lists(st.tuples(CELL, MARK), max_size=14).map(lambda parts: "".join(a + b for a, b in parts))
WITH_HEAD = st.sampled_from(["index,group\n", "path;cluster\n", "index,label,group,split\n", ""])
ROWS = [SplitRows("train", np.array([0, 1]), ("land", "water"), ("a.png", "b.png"), Path("/data"))]


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("tables") / "table.csv"


@given(head=WITH_HEAD, text=TEXT | st.binary(max_size=20))
def test_a_table_of_pseudo_groups_is_read_or_refused_with_its_name(file, head, text):
    file.write_bytes(head.encode() + (text if isinstance(text, bytes) else text.encode()))
    assert (refusal(read_groups, file, ROWS) or str(file)).startswith(str(file))


@given(text=TEXT | st.binary(max_size=20))
def test_a_table_of_images_is_read_or_refused_with_its_name(file, text):
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    for wanted in (None, {"path": "data.path"}):
        assert (refusal(read_columns, file.parent, file.name, wanted) or str(file)).startswith(str(file))


NAME = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0/ "), min_size=1, max_size=6).filter(
    lambda name: name.strip() == name and name not in (".", "..")
)


@given(
    names=st.lists(
        NAME | st.sampled_from(["=1.png", "-a", "@x", "a,b", 'a"b', "\x1b[2J"]), min_size=2, max_size=4, unique=True
    )
)
def test_what_is_exported_is_read_as_it_was_whatever_the_images_are_called(file, names):
    n = len(names)
    labels = np.arange(n) % 2
    rows = [SplitRows("train", labels, (EVIL.replace("\r\n", ""), "-water"), tuple(names))]
    table = {"path": names, "label": [rows[0].label_names[i] for i in labels]}
    written = io.StringIO()
    for_csv(pd.DataFrame({**table, "group": ["=a", "-b"] * (n // 2) + ["=a"] * (n % 2)})).to_csv(written, index=False)
    file.write_text(written.getvalue(), encoding="utf-8")
    found = read_groups(file, rows)
    assert found.names == ("-b", "=a")
    assert found.train.tolist() == [1, 0] * (n // 2) + [1] * (n % 2)


@given(st.lists(st.sampled_from(["..", ".", "a", "b.png", "", "~", "/", "\0"]), max_size=4).map("/".join))
def test_no_path_leads_out_of_the_folder_of_the_data(path):
    root = Path("/data/set")
    if not unusable_paths(root, [path]):
        assert Path(os.path.normpath(root / path)).is_relative_to(root)
