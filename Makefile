# Everything runs in a virtual environment in the checkout; nothing needs root.
# PYTHON chooses the interpreter that makes it, ARGS is handed on: make test ARGS="-k merge -x"

PYTHON ?= python3
ARGS ?=
# One more than processors: tests also wait for the disk, for programs that start and for browsers.
WORKERS ?= 3

VENV := .venv
PY := $(VENV)/bin/python
ALL_EXTRAS := demo,dev

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test check lint format bench screenshots clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: $(VENV)/.installed-demo ## Train two models, register, request, approve, resolve, predict; leaves ./demo/
	@$(PY) examples/demo.py $(ARGS)

test: $(VENV)/.installed-dev ## Run all tests; ARGS goes to pytest
	$(PY) -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

check: lint test ## Linters, types, import contracts, then the tests

lint: $(VENV)/.installed-dev ## Formatting, linters, types, import contracts
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	$(VENV)/bin/lint-imports

format: $(VENV)/.installed-dev ## Rewrite the sources as ruff formats them
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

bench: $(VENV)/.installed-dev ## Run benchmarks/, one script after the other
	@set -e; for script in benchmarks/bench_*.py; do \
	  if [ -e "$$script" ]; then echo "== $$script"; $(PY) "$$script" $(ARGS); fi; done

screenshots: $(VENV)/.installed-dev ## Take the pictures of docs/images/ anew, from real servers in a real browser
	$(PY) -m pytest -q tests/test_pages_pictures.py tests/test_forges_pagure_pages.py $(ARGS)
	mkdir -p docs/images/pull-requests docs/images/ui
	cp build/pictures/pagure-*.png docs/images/pull-requests/
	for file in build/pictures/ui-*.png; do cp "$$file" "docs/images/ui/$${file#build/pictures/ui-}"; done

clean: ## Remove the virtual environment, the demo and all caches
	rm -rf $(VENV) .venv-gto dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .benchmarks .hypothesis
	if [ -e demo/.made-by-registry-git-demo ]; then rm -rf demo; fi
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps lie in the environment, so they go when it goes; a changed pyproject.toml makes them old.
$(VENV)/.installed-demo: pyproject.toml | $(PY)
	$(call install,demo)
	@touch $@

$(VENV)/.installed-dev: pyproject.toml | $(PY)
	$(call install,$(ALL_EXTRAS))
	@touch $@ $(VENV)/.installed-demo

define install
@echo "Installing into $(VENV) (only the first time, and when pyproject.toml changed) ..."
@$(PY) -m pip install --quiet --editable '.[$(1)]' || { \
  echo "make: pip could not install what registry-git needs (its own words are above)." >&2; \
  echo "      Check that pip reaches a package index (network, proxy, pip.conf), then run make again; 'make clean' starts anew." >&2; \
  exit 1; }
endef

$(PY):
	@command -v $(PYTHON) >/dev/null || { \
	  echo "make: '$(PYTHON)' was not found; registry-git needs Python 3.10 or newer (another one: make PYTHON=/path/to/python3)." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
	  echo "make: registry-git needs Python 3.10 or newer, and '$(PYTHON)' is $$($(PYTHON) -V 2>&1) (another one: make PYTHON=python3.12)." >&2; exit 1; }
	@command -v git >/dev/null || { \
	  echo "make: 'git' was not found; install it with your system's package manager." >&2; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV) || { rm -rf $(VENV); \
	  echo "make: '$(PYTHON)' could not make a virtual environment; on Debian and Ubuntu the package python3-venv is missing." >&2; exit 1; }
