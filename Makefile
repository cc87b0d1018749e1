# SPDX-License-Identifier: Apache-2.0
# Needs Python 3.11 to 3.14, make and git. Everything else is installed into .venv from requirements.lock,
# each file checked against its hash.

.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PIP := -m pip --disable-pip-version-check --quiet
ONLY ?=
PORT ?=
HEAT ?=
POWER ?=
JOBS ?= auto
PARALLEL = --numprocesses $(JOBS) --maxprocesses 8 --dist worksteal
ARGS ?=

# The first interpreter on the PATH that is new enough and can make an environment. PYTHON=... overrides it.
FIND_PYTHON = for p in $(PYTHON) python3.11 python3.12 python3.13 python3.14 python3 python; do \
	"$$p" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null \
	&& exec echo "$$p"; done; \
	echo "podsteam needs Python 3.11 to 3.14 with its venv module on the PATH" >&2; exit 1

.PHONY: help demo test lint typecheck figures docs safety mutation fuzz line hil format generate lock latest wheel clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(STAMP) ## Watch a whole podlet session on the simulated board (no hardware needed)
	@$(BIN)/podsteam demo $(ARGS)

test: $(STAMP) ## Run the tests, on all cores (ARGS="-k name" to choose, JOBS=0 for one after the other)
	$(BIN)/python -m pytest $(PARALLEL) $(ARGS)

lint: $(STAMP) ## Check style, import walls, device syntax, generated files and the schema's compatibility
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/python tools/check_imports.py
	$(BIN)/python tools/compile_device.py
	$(BIN)/python protocol/generate.py --check
	$(BIN)/python hw/podlet/generate.py --check
	$(BIN)/python tools/check_schema.py
	$(BIN)/python tools/needs_board.py --check
	$(BIN)/python tools/check_hazards.py --check
	$(BIN)/python tools/exit_statuses.py --check

typecheck: $(STAMP) ## Check types, strictly; the ESP32's own modules from their stubs
	$(BIN)/basedpyright
	$(BIN)/python tools/check_door.py

figures: $(STAMP) ## Measure the published figures and renew the README's table (ONLY=group for some of them)
	@$(if $(ONLY),,rm -f build/figures.json)
	@status=0; $(BIN)/python -m pytest --figures $(if $(ONLY),-k "$(ONLY)") $(ARGS) || status=$$?; \
	$(BIN)/python tools/figures_table.py; exit $$status

docs: $(STAMP) ## Write the documents as a site into build/docs; a broken link or command page fails
	$(BIN)/python -m sphinx --quiet --fail-on-warning -b html -c docs -d build/doctrees . build/docs
	@echo "build/docs/index.html"

safety: $(STAMP) ## Play the whole fault matrix, measure the safety figures (hours; ARGS="SECTION"); renews tests/results
	$(if $(ARGS),,$(BIN)/python tests/faults/faults_run.py)
	$(BIN)/python tests/safety/safety_run.py $(ARGS)

# Of the supervisor's tests the slow ones kill nothing that the others do not, and each equivalent would run them all.
mutation: $(STAMP) ## Change the firmware in every small way and see a test fail (an hour); renews tests/results
	$(BIN)/python tools/mutate.py safety --jobs 2 --quick 0.5 --record
	$(BIN)/python tools/mutate.py dose session port --jobs 2 --record

fuzz: $(STAMP) ## The long random runs: properties, hostile lines, hosts, tags, files, power cuts; renews tests/results
	HYPOTHESIS_PROFILE=fuzz $(BIN)/python -m pytest -m hypothesis $(PARALLEL)
	$(BIN)/python tests/fuzz/fuzz_run.py segments --count 10000000 --record
	$(BIN)/python tests/fuzz/fuzz_run.py line --count 1000000 --record
	$(BIN)/python tests/fuzz/fuzz_run.py tags --count 1000000 --record
	$(BIN)/python tests/fuzz/fuzz_run.py requests --count 200000 --record
	$(BIN)/python tests/fuzz/fuzz_run.py malicious --count 500000 --record
	$(BIN)/python tests/fuzz/fuzz_run.py doses --count 1000000 --record
	$(BIN)/python tests/fuzz/fuzz_run.py programs --count 300000 --record
	PYTHONPATH=tools:tests/firmware $(BIN)/python tests/powercut/run_all.py
	PYTHONPATH=tools:tests/update $(BIN)/python tests/powercut/update_run.py

line: $(STAMP) ## Make 24 units on a production line, each flashed by the real esptool (minutes)
	LINE_FLASHED=24 $(BIN)/python -m pytest tests/line $(ARGS)

hil: $(STAMP) ## Run what needs a board on the one at PORT=... (HEAT=1: with heat; POWER='CMD {on|off}': its supply)
	@test -n "$(PORT)" || { echo "make hil needs PORT=..., a board's port" >&2; exit 2; }
	$(BIN)/python -m pytest -m needs_board --podsteam="$(PORT)" --podsteam-results=build/hil \
		$(if $(HEAT),--podsteam-allow-heat) $(if $(POWER),--podsteam-power-cmd="$(POWER)") $(ARGS)

format: $(STAMP) ## Bring the sources into form
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

generate: $(STAMP) ## Write everything that follows from the protocol's schema
	$(BIN)/python protocol/generate.py
	$(BIN)/python hw/podlet/generate.py

lock: ## Renew requirements.lock with the newest versions
	@python="$$($(FIND_PYTHON))"; "$$python" -m venv $(VENV)-lock
	$(VENV)-lock/bin/python $(PIP) install uv
	$(VENV)-lock/bin/uv --quiet pip compile --upgrade --universal --generate-hashes --python-version 3.11 \
		--custom-compile-command "make lock" --extra dev pyproject.toml --output-file requirements.lock

latest: ## Run the tests with the newest versions of everything, to see what will break
	@python="$$($(FIND_PYTHON))"; "$$python" -m venv --clear $(VENV)-latest
	$(VENV)-latest/bin/python $(PIP) install --upgrade --editable '.[dev]'
	$(VENV)-latest/bin/python -m pip --disable-pip-version-check list --format=freeze
	$(VENV)-latest/bin/python -m pytest $(ARGS)

wheel: $(STAMP) ## Build the wheel into dist/
	$(BIN)/hatchling build -t wheel

clean: ## Remove everything that was built or installed here
	rm -rf $(VENV) $(VENV)-lock $(VENV)-latest build dist .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMP): requirements.lock pyproject.toml
	@python="$$($(FIND_PYTHON))"; echo "installing into $(VENV) with $$python (once)"; "$$python" -m venv --clear $(VENV)
	@$(BIN)/python $(PIP) install --require-hashes --requirement requirements.lock
	@$(BIN)/python $(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@
