# make demo   fit the example measurement, with all set-up, and leave plots and a report in demo-results/
# make test   run every check of the project in nox, with all set-up
# Needs Python >= 3.12 with pip and venv. PYTHON=/path/to/python chooses one.

PYTHON ?= $(shell for p in python3 python3.12 python3.13 python3.14 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 12))' >/dev/null 2>&1 && { echo $$p; break; }; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
DEMO_PACKAGES := ./packages/heterodyne-spec ./packages/heterodyne-data ./packages/heterodyne-report \
	./packages/heterodyne-physics/meshgrid ./packages/heterodyne-nlsq ./packages/heterodyne-cli

.PHONY: demo test clean

demo: .venv/demo-ready
	$(BIN)/heterodyne --config examples/startup_flow.yaml --data examples/startup_flow_apsu.h5 \
		--method nlsq --output demo-results

test: .venv/test-ready
	$(BIN)/python scripts/run_sessions.py

# The environments are made again when versions or package metadata change.
METADATA := constraints.txt $(wildcard packages/*/pyproject.toml packages/heterodyne-physics/*/pyproject.toml)

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "error: no Python >= 3.12 found; install one or give PYTHON=/path/to/python" >&2; exit 1; }
	$(PYTHON) -m venv .venv

.venv/demo-ready: .venv/bin/python $(METADATA)
	$(foreach package,$(DEMO_PACKAGES),$(PIP) --editable $(package) &&) touch $@

.venv/test-ready: .venv/bin/python constraints.txt
	$(PIP) nox uv
	touch $@

clean:
	rm -rf .venv .nox demo-results site dist
