# `make demo` and `make test` do all their set-up themselves; Python 3.11+ is all they need.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN := $(VENV)/.ready-to-run
TEST := $(VENV)/.ready-to-test
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --editable

# What is imported often is compiled once, also where the environment says otherwise.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup demo test lint format campaign bench readme clean

setup: $(RUN) $(TEST)

# What the gateway itself needs; the demo waits for no test tools.
$(RUN): setup.cfg pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Matricula needs Python 3.11 or newer") if sys.version_info < (3, 11) else None'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(INSTALL) .
	@touch $@

# bbrest asks for browsers that it never starts; aiohttp, maya and requests are what it imports.
# An older canvasapi stands beside the newer one: only it knows the older form of the throttle.
$(TEST): $(RUN)
	@$(INSTALL) '.[test]'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps bbrest==0.5.0
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --upgrade \
		--target $(VENV)/canvasapi-3.4 canvasapi==3.4.0
	@touch $@

demo: $(RUN)
	@$(BIN)/matricula demo $(DEMO)

test: lint
	$(BIN)/pytest

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

campaign: setup
	$(BIN)/python -m tests.campaign $(CAMPAIGN)

bench: setup
	$(BIN)/python -m tests.bench $(BENCH)

readme: setup
	$(BIN)/python -m tests.test_readme

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache
