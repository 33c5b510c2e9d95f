# Targets of bayes_nlmem. `make help` lists them. Only make and a Python 3.12, 3.13 or 3.14 are needed.

VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
# The first of these that runs, is recent enough and can make virtual environments is taken;
# `make PYTHON=/path/to/python test` puts another one in front.
PYTHON :=
PYTHONS = $(strip $(PYTHON) python3.13 python3.14 python3.12 python3 python)
USABLE  = import sys, venv, ensurepip; sys.exit(not (3, 12) <= sys.version_info[:2] <= (3, 14))

.DEFAULT_GOAL := help
.PHONY: help demo test test-all validation lint bench docs notebooks install clean wheel

help:            ## list the targets
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:[^#]*## /\t/' | expand -t 12

demo: $(STAMP)   ## read, fit and report the theophylline study (12 subjects); writes theophylline.html
	@$(BIN)/bayes-nlmem zoo fit theophylline

test: $(STAMP)   ## the tests, without the slow ones
	@$(BIN)/python -m pytest -n 2 --dist loadfile -q --durations=10 -m "not slow"

test-all: $(STAMP)   ## every test, the slow ones too
	@$(BIN)/python -m pytest -n 2 --dist loadfile -q

validation: $(STAMP)   ## compare with reference values where they are there; writes docs/agreements.json
	@$(BIN)/python -m pytest -n 2 --dist loadfile -q --agreements=docs/agreements.json $$(grep -rlw agree tests --include='test_*.py')

lint: $(STAMP)   ## ruff and mypy
	@$(BIN)/ruff check . && $(BIN)/mypy

bench: $(STAMP)  ## every script in benchmarks/
	@for script in benchmarks/*.py; do \
	    [ -e "$$script" ] || { echo "no benchmarks yet"; break; }; \
	    echo "== $$script"; $(BIN)/python "$$script" || exit 1; done

docs: $(VENV)/.installed-docs   ## the documentation site, written to site/
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict -q && echo "site/index.html"

notebooks: $(VENV)/.installed-notebooks   ## execute the notebooks (NOTEBOOK_DRAWS=300 for fewer draws), and the site with their figures
	@$(BIN)/python docs/execute_notebooks.py && $(MAKE) --no-print-directory docs

install: $(STAMP)   ## make .venv and install the package in it, editable

wheel: $(STAMP)  ## build the wheel and try it in an empty environment: the command line and a model of the zoo
	@rm -rf dist build/wheel-venv
	@$(BIN)/python -m pip wheel -q --no-deps -w dist .
	@$(BIN)/python -m venv build/wheel-venv
	@build/wheel-venv/bin/python -m pip install -qq -c constraints.txt dist/*.whl
	@cd build && wheel-venv/bin/bayes-nlmem --version && wheel-venv/bin/bayes-nlmem zoo list \
	    && wheel-venv/bin/bayes-nlmem check theophylline && wheel-venv/bin/bayes-nlmem doctor --solve

clean:           ## remove .venv, caches and what was built
	rm -rf $(VENV) site dist build .pytest_cache .ruff_cache .mypy_cache

$(STAMP): pyproject.toml constraints.txt
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { \
	  for candidate in $(PYTHONS); do \
	    if "$$candidate" -c '$(USABLE)' >/dev/null 2>&1; then found="$$candidate"; break; fi; \
	  done; \
	  if [ -z "$$found" ]; then \
	    echo "bayes_nlmem needs Python 3.12, 3.13 or 3.14 with its venv module; none of these is it: $(PYTHONS)."; \
	    echo "Install one, for example:"; \
	    echo "  Debian/Ubuntu  sudo apt install python3 python3-venv   (or python3.12 and python3.12-venv)"; \
	    echo "  macOS          brew install python@3.13"; \
	    echo "  pyenv          pyenv install 3.13"; \
	    echo "  uv             uv python install 3.13, then: make PYTHON=\$$(uv python find 3.13) ..."; \
	    exit 1; \
	  fi; \
	  echo "making $(VENV) with $$("$$found" -c 'import sys; print(sys.executable, sys.version.split()[0])')"; \
	  "$$found" -m venv --clear $(VENV) || exit 1; }
	@echo "installing the package in $(VENV) (about a minute the first time)"
	@$(BIN)/python -m pip install -qq -c constraints.txt -e '.[dev]'
	@touch $@

$(VENV)/.installed-docs: $(STAMP)
	@$(BIN)/python -m pip install -qq -c constraints.txt -e '.[dev,docs]'
	@touch $@

$(VENV)/.installed-notebooks: $(VENV)/.installed-docs
	@$(BIN)/python -m pip install -qq -c constraints.txt -e '.[dev,docs,notebooks]'
	@touch $@
