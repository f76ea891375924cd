# Two commands on a fresh machine with Python 3.11 or newer: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
HELD := tests/unit/consent tests/unit/*/test_lifting.py tests/unit/api/test_auth*.py tests/unit/api/test_introspection.py tests/assurance tests/spec/test_[cdl]*.py

.PHONY: help dependencies demo test bench load coverage mutation assurance lint types layers check lock wheel sbom clean

help: ## Say what there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(VENV)/.runtime ## Start the demonstration: a shared care record and four suppliers
	$(BIN)/scr demo

test: $(VENV)/.dev ## Run the whole test suite, PostgreSQL included
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

bench: $(VENV)/.dev ## Measure, and print one table
	$(BIN)/python -m bench

load: $(VENV)/.dev ## Live through an hour in MINUTES (5): a storm, a source down, a reload, a new key
	$(BIN)/python -m bench.hour --minutes $(or $(MINUTES),5)

coverage: $(VENV)/.dev ## Branches of scr.consent and scr.api.auth: the tests take every one
	mkdir -p .cache
	$(BIN)/python -m coverage run -m pytest $(HELD)
	$(BIN)/python -m coverage report

mutation: $(VENV)/.dev ## Make small mistakes in these two, one at a time, and count those that a test notices
	$(BIN)/python -m tests.assurance.mutation

assurance: $(VENV)/.dev ## A million decisions of code and oracle, 100,000 questions of two worlds, 10,000 tamperings, a thousand kills
	$(BIN)/python -m pytest -m long
	$(BIN)/python -m tests.assurance
	$(BIN)/python -m tests.assurance.worlds
	$(BIN)/python -m tests.assurance.tampering
	$(BIN)/python -m tests.assurance.misuse
	$(BIN)/python -m tests.assurance.kills
	$(BIN)/python -m tests.assurance.fuzz --seconds 600

lint: $(VENV)/.dev ## Style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev ## Types, strictly
	$(BIN)/mypy

layers: $(VENV)/.dev ## An arrow goes down only
	$(BIN)/lint-imports

check: lint types layers test ## Everything that the continuous integration runs, but the wheel

lock: ## Pin every dependency with its hashes, naming no package host
	$(BIN)/pip-compile -q --upgrade --generate-hashes --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
	  --no-header --strip-extras --allow-unsafe --extra dev -o requirements-dev.lock pyproject.toml
	$(BIN)/pip-compile -q --generate-hashes --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
	  --no-header --strip-extras --allow-unsafe --extra build -c requirements-dev.lock -o requirements.lock pyproject.toml
	$(BIN)/pip-compile -q --upgrade --generate-hashes --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
	  --no-header --strip-extras --allow-unsafe -o tests/functional/mesh-sandbox.lock tests/functional/mesh-sandbox.in

wheel: $(VENV)/.dev ## Build the wheel into dist/
	$(BIN)/python -m build --wheel --no-isolation -o dist .

sbom: $(VENV)/.runtime ## Write what a deployment is made of into dist/scr.cdx.json, in CycloneDX
	mkdir -p dist
	$(BIN)/python -m deploy.sbom requirements.lock dist/scr.cdx.json

dependencies: $(VENV)/.dev ## Ask what is known against the packages; says so where nobody can be asked
	$(BIN)/python -m deploy.dependencies requirements.lock

clean: ## Remove what was made
	rm -rf $(VENV) dist build .demo .cache .bench .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: $(VENV)/bin/python requirements.lock pyproject.toml
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/python -m compileall -q src  # as pip does with a wheel: no start has to
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements-dev.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@
