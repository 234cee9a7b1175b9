# `make check` and `make test` work on a fresh machine: they create the environment first if it is missing.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
export OMP_NUM_THREADS ?= 1


.PHONY: setup check test browser-test report docs lint format clean

setup: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $$(command -v $(PYTHON) || command -v python3) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	touch $@

check: setup
	$(BIN)/python -m pytest checks -q -n 2 --dist load

test: setup
	$(BIN)/python -m pytest -p no:sgdlaws -q -n 2 --doctest-modules --ignore tests/browser tests theory numerics checks

# Needs Chromium (Debian: apt-get install chromium).
browser-test: setup
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[browser]'
	$(BIN)/python -m pytest -p no:sgdlaws -q tests/browser

report: setup
	$(BIN)/sgdlaws report --out report

docs: setup
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[docs]'
	$(BIN)/python -m mkdocs build --strict --site-dir build/site

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf .sgdlaws .pytest_cache .ruff_cache .hypothesis
