# Works with only Python 3.11 or later, make and a package index. `make help` lists the targets.
PYTHON ?= python3
# How many processes run the tests; 0 = this one only.
WORKERS ?= auto
# How many random patients `make twin` sends through both engines.
COUNT ?= 100000

VENV := .venv
BIN := $(VENV)/bin
BASE := $(VENV)/.base
DEV := $(VENV)/.dev
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

.DEFAULT_GOAL := help
.PHONY: help python setup setup-dev demo test lint types knowledge mechanisms pytest long twin bench docs format lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

python:
	@command -v $(PYTHON) >/dev/null 2>&1 || { \
	  echo "cytowatch needs Python 3.11 or later, and there is no '$(PYTHON)' here."; \
	  echo "  what to do: install it, or name it: make PYTHON=/path/to/python3.12 ..."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "cytowatch needs Python 3.11 or later; '$(PYTHON)' is $$($(PYTHON) -V 2>&1)."; \
	  echo "  what to do: install a later one, or name it: make PYTHON=/path/to/python3.12 ..."; exit 1; }

# The two stamps: everything is installed once, and again only when a lock file or pyproject.toml changes.
$(BASE): requirements.lock pyproject.toml | python
	@echo "Setting up $(VENV) ..."
	@$(PYTHON) -m venv $(VENV) || { \
	  echo "Python could not make a virtual environment."; \
	  echo "  what to do: on Debian and Ubuntu install the package python3-venv, then run make again."; exit 1; }
	@$(PIP) --require-hashes -r requirements.lock
	@$(PIP) --no-deps --editable .
	@touch $@

$(DEV): requirements-dev.lock $(BASE)
	@echo "Adding the development tools ..."
	@$(PIP) --require-hashes -r requirements-dev.lock
	@touch $@

setup: $(BASE) ## make .venv with what cytowatch needs to run

setup-dev: $(DEV) ## the same, with the development tools

demo: $(BASE) ## grade the real data that ships with the package, print the summary, write the report
	@$(BIN)/cytowatch demo

test: lint types knowledge pytest ## everything that must pass: form, types, clinical tables, tests, documentation

lint: $(DEV) ## form and likely bugs (ruff)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(DEV) ## strict types (mypy)
	@$(BIN)/mypy

knowledge: $(DEV) ## prove the clinical tables complete and unambiguous
	@$(BIN)/cytowatch knowledge lint

mechanisms: $(DEV) ## hold the simulated models against published numbers
	@$(BIN)/python tools/mechanisms.py

pytest: $(DEV) ## all tests but the long ones
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup

long: $(DEV) ## the tests that take minutes each: random round trips, fuzz, kills (an hour or more)
	@$(BIN)/python -m pytest tests -m long -n $(WORKERS) --dist loadgroup

twin: $(DEV) ## COUNT random patients through both engines (100,000; takes a while)
	@COUNT=$(COUNT) $(BIN)/python -m pytest tests/generative -m long -n $(WORKERS) --dist loadgroup

bench: $(DEV) ## measure time and memory, write benchmarks/README.md; then how many patients are simulated a second
	@$(BIN)/python benchmarks/bench.py
	@$(BIN)/python benchmarks/simulate.py

docs: $(DEV) ## make docs/reference/ anew from the clinical tables and the commands, and the page of published models
	@$(BIN)/python tools/make_reference.py
	@$(BIN)/python tools/make_scale_pages.py
	@$(BIN)/python tools/make_cases_page.py
	@$(BIN)/python tools/make_models_page.py

format: $(DEV) ## put the code in its form
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

lock: $(DEV) ## pin all dependencies anew; the lock files name no index
	@$(BIN)/python tools/lock.py

clean: ## remove what was made here (environment, caches, results)
	rm -rf $(VENV) build dist out cytowatch-demo .pytest_cache .mypy_cache .ruff_cache .hypothesis benchmarks/data
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
