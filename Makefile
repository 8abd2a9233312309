# Two commands do everything: `make demo` and `make test`. Each target makes .venv by itself, once.
# Needs Python 3.11 or later, git and make; nothing else. `make PYTHON=python3.12 …` names another Python.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet
# Versions come from the lock; build isolation is off, so that they hold for the build tools too.
INSTALL := $(PIP) install --constraint requirements.lock
RUN_STAMP := $(VENV)/.installed
DEV_STAMP := $(VENV)/.installed-dev

# NeMo and torch weigh 2.4 GB: an environment and a lock of their own.
NEMO_VENV  := .venv-nemo
NEMO_BIN   := $(NEMO_VENV)/bin
NEMO_PIP   := $(NEMO_BIN)/python -m pip --disable-pip-version-check --quiet
NEMO_LOCK  := requirements-nemo.lock
NEMO_STAMP := $(NEMO_VENV)/.installed
# Builds of torch that need no CUDA; where it cannot be reached, what pip finds elsewhere is taken.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
VOICE      := build/voice

MINUTES ?= 30
ONLY    ?=
ARGS    ?=
# One for each processor, four at most: many tests start processes of their own.
WORKERS ?= $(shell n=$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1); [ "$$n" -gt 4 ] && n=4; echo $$n)

.DEFAULT_GOAL := help
.PHONY: help demo test test-nemo check format bench soak screenshots docs lock train-demo-voice clean

help: ## List what make can do
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(RUN_STAMP) ## Start a backend and a demo agent on their own state, and open the console
	@$(BIN)/govconsole demo $(ARGS)

test: $(DEV_STAMP) ## Run all tests (ARGS="-k word" for some; GOV_NO_SKIP=1 makes a skip a failure)
	@$(BIN)/python -m pytest -q -m "not soak" -n $(WORKERS) --dist worksteal $(ARGS)

test-nemo: $(NEMO_STAMP) ## Run the tests of NeMo's own runtime, in .venv-nemo (2.4 GB, some minutes, once)
	@$(NEMO_BIN)/python -m pytest -q tests/nemo $(ARGS)

check: $(DEV_STAMP) ## Style, types, import rules, freshness of schemas and generated docs (tests look at the pictures)
	@$(BIN)/python tests/tools/check.py $(ARGS)

format: $(DEV_STAMP) ## Put the code into its form
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .

bench: $(DEV_STAMP) ## Measure, beside the baselines of this machine (ONLY=row for one)
	@$(BIN)/python -m tests.performance.bench $(if $(ONLY),--only $(ONLY)) $(ARGS)

soak: $(DEV_STAMP) ## Kill and race tests for MINUTES (30), then fuzzing with fresh examples
	@GOV_SOAK_MINUTES=$(MINUTES) $(BIN)/python -m pytest -q -m soak --timeout=0 $(ARGS)
	@GOV_SOAK_MINUTES=$(MINUTES) $(BIN)/python -m pytest -q -m "not soak" --timeout=0 \
	  tests/govd/contract tests/govd/policy tests/govd/audit tests/security/test_bad_input.py tests/security/test_schemathesis.py $(ARGS)

screenshots: $(DEV_STAMP) ## Draw screenshots/, SVG and PNG, from the running console (a minute; ARGS="queue" for one)
	@$(BIN)/python -m tests.tools.screenshots $(ARGS)

docs: $(DEV_STAMP) ## Write the generated pages of docs/ anew
	@$(BIN)/python -m tests.tools.docs && $(BIN)/python -m tests.tools.attacks

lock: $(DEV_STAMP) ## Write requirements.lock from .venv
	@$(BIN)/python tests/tools/lock.py

train-demo-voice: $(NEMO_STAMP) ## Make the demo's voice model anew: espeak-ng, flite, NeMo (ten minutes on two free cores)
	@$(NEMO_BIN)/python -m training.synthesise $(VOICE)
	@$(NEMO_BIN)/python -m training.train $(VOICE) $(VOICE)/model.nemo
	@$(NEMO_BIN)/python -m training.export $(VOICE)/model.nemo $(VOICE)/model.onnx
	@$(NEMO_BIN)/python -m training.calibrate $(VOICE) $(VOICE)/model.onnx $(VOICE)/figures.json
	@$(NEMO_BIN)/python -m training.card $(VOICE)

clean: ## Remove what was built (not .venv, not .venv-nemo)
	@rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "govconsole needs Python 3.11 or later; '$(PYTHON)' is $$($(PYTHON) --version 2>&1 || echo missing)." >&2; \
	  echo "Name another one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@echo "making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV) || { \
	  echo "'$(PYTHON) -m venv' failed; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }

$(RUN_STAMP): pyproject.toml requirements.lock | $(VENV)/bin/python
	@echo "installing what govconsole runs on, at the versions of requirements.lock (a minute or two, once)"
	@$(INSTALL) hatchling editables
	@$(INSTALL) --no-build-isolation --editable .
	@touch $@

$(DEV_STAMP): $(RUN_STAMP)
	@echo "installing what its tests and checks need (a minute, once)"
	@$(INSTALL) --no-build-isolation --editable '.[dev]'
	@touch $@

$(NEMO_BIN)/python:
	@echo "making $(NEMO_VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(NEMO_VENV)

$(NEMO_STAMP): pyproject.toml $(NEMO_LOCK) | $(NEMO_BIN)/python
	@echo "installing NeMo and torch at the versions of $(NEMO_LOCK) (2.4 GB: some minutes, once)"
	@$(NEMO_PIP) install --constraint $(NEMO_LOCK) hatchling editables
	@$(NEMO_PIP) install --constraint $(NEMO_LOCK) --no-deps --retries 0 --extra-index-url $(TORCH_INDEX) torch
	@$(NEMO_PIP) install --constraint $(NEMO_LOCK) --no-build-isolation --editable '.[nemo]' \
	  hypothesis pytest pytest-asyncio pytest-timeout
	@touch $@
