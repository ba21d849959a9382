"""The page of results: its tables are what the program prints."""

from release.results import PAGE, renewed


def test_a_block_is_replaced_by_the_answer_and_all_else_stays():
    text = (
        "Before.\n\n<!-- prusc table x --full -->\n\nold\n\n<!-- end -->\n\nBetween.\n"
        "<!-- prusc ls -->\n<!-- end -->\nAfter.\n"
    )
    new = renewed(text, lambda words: f"\n{words}!\n")
    assert new == (
        "Before.\n\n<!-- prusc table x --full -->\n\ntable x --full!\n\n<!-- end -->\n\nBetween.\n"
        "<!-- prusc ls -->\n\nls!\n\n<!-- end -->\nAfter.\n"
    )
    assert renewed(new, lambda words: f"{words}!") == new


def test_the_page_has_a_block_of_a_table_that_exists():
    from experiments.tables.benchmark import benchmarks

    asked = []
    renewed(PAGE.read_text(encoding="utf-8"), lambda words: asked.append(words.split()) or "")
    assert asked
    assert all(words[0] == "table" and words[1] in benchmarks() for words in asked)
