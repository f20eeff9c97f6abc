# Pedigree on a fresh machine: Python >= 3.11 and make, no Docker, no root. `make help` lists it all.
# Written for GNU make 3.81 and later, and a POSIX sh: what macOS and every Linux bring along.

SHELL := /bin/sh
BIN := .venv/bin
HOME_OF_DEMO := .pedigree/demo
# A caller's search path must not leak another checkout into this environment.
unexport PYTHONPATH PYTHONHOME
# Images of containers set it. Without bytecode every process that a test starts compiles all modules.
unexport PYTHONDONTWRITEBYTECODE
# The demo and its UI share one registry and one Dagster instance, whatever the shell points to.
unexport PEDIGREE_DATABASE_URL PEDIGREE_STORE_URL PEDIGREE_DAGSTER_DATABASE_URL
unexport PEDIGREE_DATA_URL PEDIGREE_COMPUTE_LOGS_URL DAGSTER_HOME

# ARGS is passed on: make demo ARGS=--json · make test ARGS="tests/cli -x" · make up ARGS="--port 3001"
ARGS ?=
# Test processes. The tests wait for real servers, so one more than there are cores keeps those busy; one
# file needs no more than the process that make starts.
CORES := $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
WORKERS ?= $(if $(findstring .py,$(ARGS)),0,$(if $(filter 1 2 3 4 5 6,$(CORES)),$(shell expr $(CORES) + 1),8))
# The tests have an order, the longest first; xdist would put the largest groups first.
DISTRIBUTED := -n $(WORKERS) --dist loadgroup --no-loadscope-reorder

# OpenStack Swift, an object store to test against, runs on Linux alone.
SWIFT := $(if $(filter Linux,$(shell uname -s)),.venv-swift/.installed)
# MLflow's own server and client, which the door for MLflow is compared with.
MLFLOW := .venv-mlflow/.installed
# Clients of other releases of MLflow.
CLIENTS := $(patsubst tests/mlflow/clients/%.lock,.venv-mlflow-%/.installed,$(sort $(wildcard tests/mlflow/clients/*.lock)))

.PHONY: help demo test test-system test-pooler test-fence up down lint docs lock lock-check bench pictures differential fuzz sdk-matrix typescript torch spark azurite oidc-provider mlflow-clients clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

demo: .venv/.installed ## train, register, check, promote, score and roll back on real data
	@PEDIGREE_HOME="$$PWD/$(HOME_OF_DEMO)" $(BIN)/python -m demo $(ARGS)

test: .venv/.installed $(SWIFT) ## run the tests, against real Postgres, object stores, Dagster and HTTP servers
	$(BIN)/python -m pytest $(DISTRIBUTED) -q -m "not system" $(ARGS)

test-system: .venv/.installed $(SWIFT) $(MLFLOW) $(CLIENTS) ## the tests of daemons, kills, remote stores, measures and laws over many cases
	$(BIN)/python -m pytest $(DISTRIBUTED) -q -m system $(ARGS)

test-pooler: .venv/.installed ## the tests of the service and of its verbs, through PgBouncer in transaction mode
	TEST_THROUGH_PGBOUNCER=1 $(BIN)/python -m pytest $(DISTRIBUTED) -q -m "not system" tests/server tests/client/test_same_behaviour.py $(ARGS)

test-fence: .venv/.installed ## the tests of the registry's behavior, in the application's role of the database
	TEST_BEHIND_FENCE=1 $(BIN)/python -m pytest $(DISTRIBUTED) -q -m "not system" tests/client/test_same_behaviour.py tests/cards tests/dagster/sensors tests/delivery tests/server/test_sight.py tests/access/test_sight.py $(ARGS)

up: .venv/.installed ## the Dagster UI and daemon over the demo's instance; Ctrl-C stops it
	@PEDIGREE_HOME="$$PWD/$(HOME_OF_DEMO)" $(BIN)/pedigree up $(ARGS)

down: .venv/.installed ## stop what `make up` started, and the demo's embedded Postgres
	@PEDIGREE_HOME="$$PWD/$(HOME_OF_DEMO)" $(BIN)/pedigree down $(ARGS)

lint: .venv/.installed ## style, types, layer rules and plain English
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tools.plain_english docs code

docs: .venv/.installed ## build the documentation into site/; a broken link or anchor fails
	$(BIN)/zensical build --clean --strict

lock: .venv/.installed ## resolve requirements.lock again; UPGRADE=1 takes the newest releases
	$(BIN)/uv pip compile --quiet $(if $(UPGRADE),--upgrade) $(COMPILE) -o requirements.lock

COMPILE := --universal --generate-hashes --python-version 3.11 --extra demo --group dev pyproject.toml

lock-check: .venv/.installed ## fail if requirements.lock does not follow from pyproject.toml
	@cp requirements.lock .venv/requirements.lock
	@$(BIN)/uv pip compile --quiet $(COMPILE) -o .venv/requirements.lock
	@grep -v '^#' requirements.lock > .venv/lock.committed
	@grep -v '^#' .venv/requirements.lock > .venv/lock.resolved
	@cmp -s .venv/lock.committed .venv/lock.resolved || { \
	  echo 'requirements.lock is not what pyproject.toml asks for: run `make lock`' >&2; exit 1; }

bench: .venv/.installed ## measure what docs/performance.md promises
	$(BIN)/python -m benchmarks.audit_log $(ARGS)
	$(BIN)/python -m benchmarks.cli_help $(ARGS)
	$(BIN)/python -m benchmarks.comeback $(ARGS)
	$(BIN)/python -m benchmarks.gc $(ARGS)
	$(BIN)/python -m benchmarks.hostile $(ARGS)
	$(BIN)/python -m benchmarks.identity $(ARGS)
	$(BIN)/python -m benchmarks.register $(ARGS)
	$(BIN)/python -m benchmarks.lineage $(ARGS)
	$(BIN)/python -m benchmarks.mlflow_bytes $(ARGS)
	$(BIN)/python -m benchmarks.passing_on $(ARGS)
	$(BIN)/python -m benchmarks.publish $(ARGS)
	$(BIN)/python -m benchmarks.pull $(ARGS)
	$(BIN)/python -m benchmarks.many_files $(ARGS)
	$(BIN)/python -m benchmarks._million $(ARGS)
	$(BIN)/python -m benchmarks.mlflow_creations $(ARGS)
	$(BIN)/python -m benchmarks.mlflow_reads $(ARGS)
	$(BIN)/python -m benchmarks.mlflow_search $(ARGS)
	$(BIN)/python -m benchmarks.operators $(ARGS)
	$(BIN)/python -m benchmarks.reads $(ARGS)
	$(BIN)/python -m benchmarks.search $(ARGS)
	$(BIN)/python -m benchmarks.rolling $(ARGS)
	$(BIN)/python -m benchmarks.service $(ARGS)
	$(BIN)/python -m benchmarks.structure $(ARGS)
	$(BIN)/python -m benchmarks.tick $(ARGS)
	$(BIN)/python -m benchmarks.untrusted $(ARGS)
	$(BIN)/python -m benchmarks.verify $(ARGS)
	$(BIN)/python -m benchmarks.web $(ARGS)
	$(BIN)/python -m benchmarks.webhooks $(ARGS)

pictures: .venv/.installed ## take the pictures of docs/web.md, of the demo's data; needs Chromium
	$(BIN)/python -m tools.web_pictures $(ARGS)

differential: .venv/.installed $(MLFLOW) ## compare the door for MLflow's clients with MLflow's own server, for long
	MLFLOW_WALK_STEPS=2000 $(BIN)/python -m pytest -q -m system tests/mlflow/test_differential.py tests/mlflow/differential.py $(ARGS)

fuzz: .venv/.installed ## send the service all that its OpenAPI document allows and forbids, for long
	$(BIN)/python -m tests.server.fuzz $(ARGS)

sdk-matrix: .venv/.installed ## install the client alone by every Python that is here, and run its behaviour
	@$(BIN)/python -m tests.client.matrix $(ARGS)

typescript: .venv/.installed clients/typescript/node_modules/.installed ## the TypeScript client, of the OpenAPI document; SERVICE=https://… asks one
	@$(if $(SERVICE),curl -fsS $(SERVICE)/openapi.json,$(BIN)/python -c '$(DOCUMENT)') > clients/typescript/openapi.json
	@npm run --prefix clients/typescript --silent generate
	@npm run --prefix clients/typescript --silent build

DOCUMENT := import json; from pedigree.server.app import create_app; print(json.dumps(create_app().openapi()))

torch: .venv/.torch ## a CPU build of torch, if pip can find one; without it its tests are skipped

spark: .venv/.spark ## Spark on this machine; without it, or a Java runtime, its test is skipped

azurite: .azurite/.installed ## Azure's emulator, by npm; without it the tests of az:// are skipped

oidc-provider: .oidc-provider/.installed ## a certified OpenID provider, by npm; without it the tests of logins are skipped

mlflow-clients: $(CLIENTS) ## clients of older releases of MLflow; without them their tests are skipped

clean: ## remove the environments and the demo's data
	@if [ -x $(BIN)/pedigree ]; then PEDIGREE_HOME="$$PWD/$(HOME_OF_DEMO)" $(BIN)/pedigree down >/dev/null 2>&1 || true; fi
	rm -rf .venv .venv-swift .venv-mlflow* .azurite .oidc-provider clients/typescript/node_modules $(HOME_OF_DEMO) .dagster

# --- Environments. A stamp says what is done; everything here prints to stderr, so that
# `make demo ARGS=--json` has nothing but JSON on stdout.

.venv/.locked: requirements.lock
	@sh .ci/venv .venv requirements.lock >&2
	@touch $@

# Python packages are installed by --require-hashes above; this only links the checkout into them,
# with the locked hatchling instead of one that pip would fetch for the build. What is called
# pedigree has our import name as well: the family trees of PyPI, or a checkout before the rename.
.venv/.installed: .venv/.locked pyproject.toml
	@$(BIN)/python -m pip uninstall --quiet --yes pedigree >&2 2>/dev/null
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable . >&2
	@touch $@

# Not in the lock: which build of torch fits, and where it comes from, is the machine's affair.
.venv/.torch: .venv/.installed tests/flavors/torch.txt
	@sh .ci/torch .venv tests/flavors/torch.txt >&2
	@touch $@

# Not in the lock: it has 400 MB, and is of use only beside a Java runtime.
.venv/.spark: .venv/.installed tests/monitoring/spark.txt
	@$(BIN)/python -m pip install --quiet --no-deps --progress-bar off \
	  --requirement tests/monitoring/spark.txt >&2
	@touch $@

# Swift's eventlet does not share an environment with Dagster.
.venv-swift/.installed: tests/artifacts/swift/requirements.lock | .venv/.locked
	@sh .ci/venv .venv-swift tests/artifacts/swift/requirements.lock $(BIN)/uv >&2
	@touch $@

# MLflow's server does not share an environment with Dagster either.
.venv-mlflow/.installed: tests/mlflow/requirements.lock | .venv/.locked
	@sh .ci/venv .venv-mlflow tests/mlflow/requirements.lock $(BIN)/uv >&2
	@touch $@

# The oldest client needs a Python that has its numpy. uv stores a file that several of them have once.
.venv-mlflow-%/.installed: tests/mlflow/clients/%.lock | .venv/.locked
	@rm -rf $(@D)
	@$(BIN)/uv venv --quiet --no-python-downloads --python '>=3.11,<3.13' $(@D) >&2
	@$(BIN)/uv pip install --quiet --python $(@D) --no-deps --require-hashes --requirement $< >&2
	@touch $@

# It needs Node.js, as the TypeScript client does. None of its packages has to run anything to be installed.
.azurite/.installed: tests/artifacts/azurite/package-lock.json
	@mkdir -p .azurite
	@cp tests/artifacts/azurite/package.json tests/artifacts/azurite/package-lock.json .azurite
	@npm ci --prefix .azurite --ignore-scripts --no-audit --no-fund --loglevel=error >&2
	@touch $@

.oidc-provider/.installed: tests/server/oidc_provider/package-lock.json
	@mkdir -p .oidc-provider
	@cp tests/server/oidc_provider/package.json tests/server/oidc_provider/package-lock.json .oidc-provider
	@npm ci --prefix .oidc-provider --ignore-scripts --no-audit --no-fund --loglevel=error >&2
	@touch $@

clients/typescript/node_modules/.installed: clients/typescript/package-lock.json
	@npm ci --prefix clients/typescript --ignore-scripts --no-audit --no-fund --loglevel=error >&2
	@touch $@
