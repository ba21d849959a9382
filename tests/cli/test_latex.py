"""Every table as LaTeX: pdflatex takes it as it is."""

import re
import shutil
import subprocess

import pytest
from test_cli_compare import write
from test_cli_table import keep

from core.runs.home import Home
from experiments.catalog import get_study
from experiments.tasks import plan_study
from prusc_tui.tables.grid import Cell, Grid, Line, latex

PDFLATEX = shutil.which("pdflatex")
pytestmark = pytest.mark.skipif(
    PDFLATEX is None, reason="pdflatex is missing (Debian: texlive-latex-base and texlive-latex-recommended)"
)
NASTY = (
    r"a_b & c% #1 $x$ {y} ~z ^w \cmd | p <b> [q] *bold* `code` “quoted” ± − × · ≤ ≥ ≠ ≈ √ → … – — α β γ δ ε η λ μ σ τ"
)


def compiled(tmp_path, *tables):
    """Text of the log of pdflatex, which fails at the first error."""
    body = "\n\n\\bigskip\n\n".join(tables)
    lines = (r"\documentclass{article}", r"\usepackage{booktabs}", r"\begin{document}", r"\tiny\noindent", body)
    (tmp_path / "paper.tex").write_text("\n".join((*lines, r"\end{document}", "")), encoding="utf-8")
    done = subprocess.run(
        [PDFLATEX, "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "paper.tex"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=60,
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "paper.pdf").stat().st_size > 1000
    return done.stdout


def test_a_comparison_compiles_as_it_is_printed(prusc, tmp_path):
    home = Home.open(prusc.home)
    layers = [f"layer{number}.conv_{number}" for number in range(18)]
    for seed in range(3):
        write(home, "erm", seed, (98, 60 + seed, 55 + 3 * seed, 97))
        write(home, "prusc", seed, (94, 88, 80 + 2 * seed, 95), prune={"exclude": layers})
    for words in ((), ("--best", "worst-group", "--test", "wilcoxon"), ("--by", "stage")):
        said = prusc("compare", "--where", "recipe=erm or recipe=prusc", *words, "--format", "latex")
        assert said.code == 0, said.err
        log = compiled(tmp_path, said.out)
        assert not re.search(r"Missing character|Undefined", log)


def test_a_table_of_methods_compiles_as_it_is_printed(prusc, tmp_path):
    home = Home.open(prusc.home)
    for task in plan_study(get_study("cmnist-study"), only="erm-pooled,irm,vrex,cmnist-small-eta25"):
        keep(home, task)
    said = prusc("table", "cmnist", "--best", "average", "--format", "latex")
    assert said.code == 0, said.err
    assert "Missing character" not in compiled(tmp_path, said.out)


@pytest.mark.parametrize("booktabs", [True, False], ids=["booktabs", "hline"])
def test_no_text_from_a_file_breaks_a_table(tmp_path, booktabs):
    marks = ("└ run", "▸ live", "■ stopped", "✗ failed", "◦ queued", "? lost", "✓ done")
    row = (Cell("1.0", "± 0.1", is_number=True), Cell(NASTY))
    rows = tuple(Line(title, row) for title in (NASTY, "[0, 1]", "*", "* best", *marks))
    grid = Grid(NASTY, ("samples", NASTY), (rows, rows), f"about {NASTY}", (f"note {NASTY}",))
    log = compiled(tmp_path, latex(grid, booktabs=booktabs))
    assert "Missing character" not in log
