# git, make and Python (3.11 or newer, with venv) are all that a fresh machine needs.
PYTHON ?= python3
BIN := .venv/bin
# One BLAS thread for each test process: two thread pools on two cores ruin each other.
ONE_THREAD := OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 MKL_NUM_THREADS=1

# Some machines forbid it, and each of some hundred processes would compile the package anew.
COMPILED := PYTHONDONTWRITEBYTECODE=

# What has a long form: more kills, signals, bits and examples.
LONG_FORMS := tests/runs tests/comparisons tests/sweeps tests/learning/test_snapshot.py tests/data/formats/test_columnar_mapped.py \
	$(addprefix tests/house/test_,$(addsuffix .py, pages gallery reproduction)) \
	$(addprefix tests/laws/test_,$(addsuffix .py, killed interrupted vanishing_folders sweeps_killed \
	sweeps_postgres torch_path torchrun damaged_models damaged_files fuzzed_files engine_parity \
	playground_parity))

# What the engine is compiled from.
ENGINE := setup.py $(wildcard src/deltarule/engine/core/*)

SITE := build/site
# What its pages are made of, and show.
SITE_SOURCES := $(shell find docs src/deltarule tests benchmarks -type f \
	-not -name '*.pyc' -not -name '*.so' -not -path 'docs/_build*')

.PHONY: demo test docs torture lint notebook bench bench-estimators bench-gpu speedrun reproduce sanitize sanitize-quick cross clean

demo: .venv/demo-installed  ## train on the embedded digits and say where the report is
	$(BIN)/deltarule train digits

test: .venv/dev-installed  ## the whole test suite
	tests/in_memory.sh env $(ONE_THREAD) $(COMPILED) $(BIN)/python -m pytest -n 3 --dist worksteal

docs: $(SITE)/index.html  ## the documentation as a site that needs no network
	@echo "The site is at file://$(abspath $(SITE))/index.html"

torture: .venv/dev-installed  ## the long forms of tests: gigabytes, minutes
	DELTARULE_LONG=1 $(ONE_THREAD) $(BIN)/python -m pytest -m slow
	DELTARULE_LONG=1 $(ONE_THREAD) $(BIN)/python -m pytest $(LONG_FORMS)

lint: .venv/dev-installed  ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

notebook: .venv/dev-installed  ## execute the notebook anew (DELTARULE_NOTEBOOK_DATA names a folder)
	$(ONE_THREAD) $(BIN)/python notebooks/execute.py

bench: .venv/bench-installed  ## beside its peers, into docs/ (BENCH="--data DIR" and other options)
	$(BIN)/python benchmarks/bench.py $(BENCH)

bench-estimators: .venv/bench-installed  ## beside scikit-learn's (BENCH="--data DIR", tables in DIR)
	$(BIN)/python benchmarks/estimators.py $(BENCH)

bench-gpu: .venv/bench-installed  ## steps on a GPU beside PyTorch's (BENCH="--data DIR --out DIR")
	$(BIN)/python benchmarks/gpu.py $(BENCH)

speedrun: .venv/bench-installed  ## seconds to an accuracy on CIFAR-10 (BENCH="--data DIR")
	$(BIN)/python benchmarks/speedrun.py $(BENCH)

reproduce: .venv/demo-installed  ## the report it began with (BENCH="--data DIR"; QUICK=--quick: minutes)
	$(BIN)/python benchmarks/reproduce.py $(BENCH) $(QUICK)

sanitize: sanitize-quick  ## its tests too, with a Python that knows nothing of it
	tests/engine/sanitize.sh address
	tests/engine/sanitize.sh thread

sanitize-quick: .venv/dev-installed  ## its core alone, without Python
	$(BIN)/python tests/engine/core_builds.py address
	$(BIN)/python tests/engine/core_builds.py thread

cross: .venv/dev-installed  ## compile the core for other processors and systems, and run what can be run
	$(BIN)/python tests/engine/core_builds.py cross

clean:
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

$(SITE)/index.html: .venv/docs-installed $(SITE_SOURCES)
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going --jobs auto -d $(SITE)-doctrees docs $(SITE)
	touch $@

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/demo-installed: pyproject.toml $(ENGINE) | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

.venv/dev-installed: pyproject.toml $(ENGINE) | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev]"
	touch $@ .venv/demo-installed .venv/docs-installed

.venv/docs-installed: pyproject.toml $(ENGINE) | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[docs]"
	touch $@ .venv/demo-installed

.venv/bench-installed: pyproject.toml $(ENGINE) | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[bench]"
	touch $@ .venv/demo-installed
