# `make demo` and `make test` need nothing but Python 3.11 or newer; each installs what it needs once, into .venv.
PYTHON ?= python3
SEED   ?= 0
BIN    := .venv/bin

.PHONY: demo test lint types unit bench chaos gpu simulated-gpu audit slurm fresh lowest docs results clean

demo: .venv/.ready
	$(BIN)/prusc run demo --seed $(SEED)

test: lint types unit

lint: .venv/.ready-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: .venv/.ready-dev
	$(BIN)/mypy

unit: .venv/.ready-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile

bench: .venv/.ready-dev
	PRUSC_BENCH=$(OUT) $(BIN)/python -m pytest -m 'bench and not gpu' -s tests/bench $(ARGS)

# Ten minutes on two cores; CHAOS_SECONDS=60 gives the attacks at random moments less time, CHAOS_SEED=1 other moments.
chaos: .venv/.ready-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m 'chaos or not chaos' -n 2 --dist load tests/chaos $(ARGS)

gpu: .venv/.ready-dev
	$(BIN)/python -m tests.gpu.report $(ARGS)

audit: .venv/.ready-dev
	@.ci/audit $(BIN)

simulated-gpu: .venv/.ready-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m simulated_gpu tests/gpu $(ARGS)

slurm: .venv/.ready-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m slurm tests/slurm $(ARGS)

# The wheel, installed by pip, pipx and uv into fresh environments of every Python that is here (gigabytes, minutes each).
fresh: .venv/.ready-dev
	$(BIN)/python -m pytest -m fresh tests/test_fresh.py $(ARGS)

# The tests with the lowest versions that pyproject.toml allows, in an environment of their own.
lowest:
	$(PYTHON) -m venv .venv-lowest
	.venv-lowest/bin/python -m pip install --quiet uv
	.venv-lowest/bin/uv pip install --quiet --python .venv-lowest/bin/python --resolution lowest-direct --editable '.[dev]'
	OMP_NUM_THREADS=1 .venv-lowest/bin/python -m pytest -n auto --dist loadfile $(ARGS)

# The site; and every command that stands in it is run as far as it goes without data and hours of work.
docs: .venv/.ready-docs .venv/.ready-dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m documented tests/cli/test_cli_documented.py $(ARGS)

# Tables of docs/results.md from the run log in $PRUSC_HOME.
results: .venv/.ready
	$(BIN)/python -m release.results

.venv/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "prusc-tui needs Python 3.11 or newer; name one with: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 2; }
	$(PYTHON) -m venv .venv
	@touch $@

.venv/.ready: .venv/.made pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

.venv/.ready-dev: .venv/.made pyproject.toml
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch .venv/.ready $@

.venv/.ready-docs: .venv/.made pyproject.toml
	$(BIN)/python -m pip install --quiet --editable '.[docs]'
	@touch .venv/.ready $@

clean:
	rm -rf .venv .venv-lowest site build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
