# Tradewind. `make help` lists the targets; everything runs in .venv, made from requirements.lock.

.DEFAULT_GOAL := help
.PHONY: help demo test test-nightly test-spark check up down status clean run sql forecast backtest optimise verify audit bench lock fmt backup restore upgrade dbt docs env

# The first Python that starts: a version manager may leave placeholders that do not.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do "$$p" -c "" 2>/dev/null && echo "$$p" && break; done)
PY := .venv/bin/python

ifdef UI_PORT
export TRADEWIND_PORT_UI := $(UI_PORT)
endif
ifdef DOCS_PORT
export TRADEWIND_PORT_DOCS := $(DOCS_PORT)
endif
ifdef PG_PORT
export TRADEWIND_PORT_PG := $(PG_PORT)
endif
ifdef SANDBOX_PORT
export TRADEWIND_PORT_SANDBOX := $(SANDBOX_PORT)
endif

# Taken as typed: a query or a path may hold a dollar sign.
override FILES := $(value FILES)
override FILE := $(value FILE)
override TENANT := $(value TENANT)
override AS_OF := $(value AS_OF)
override FROM := $(value FROM)
override TO := $(value TO)
override SETTINGS := $(value SETTINGS)
override SIM := $(value SIM)
override LEVER := $(value LEVER)
override PERCENTILE := $(value PERCENTILE)
override BUDGET := $(value BUDGET)
override Q := $(value Q)
override HEADS := $(value HEADS)
override PERIOD := $(value PERIOD)
override WORKERS := $(value WORKERS)
override EXCHANGE := $(value EXCHANGE)
override YEAR := $(value YEAR)
export FILES FILE TENANT AS_OF CURRENCY PERIOD WORKERS EXCHANGE Q HEADS YEAR FROM TO SETTINGS SIM LEVER PERCENTILE BUDGET

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  ports: UI_PORT= DOCS_PORT= PG_PORT= SANDBOX_PORT= (four in a row); all on 127.0.0.1"

demo: .env ## everything from nothing to results, with the sandbox company (KEEP=1 leaves it running)
	@$(PY) -m include.local.drive demo $(if $(KEEP),--keep)

run: .env ## the pipeline over a folder of contract CSVs: FILES=<folder> [TENANT=slug] [AS_OF=date] [CURRENCY=USD] [KEEP=1]
	@$(PY) -m include.local.drive run $(if $(KEEP),--keep)

up: .env ## start Airflow's UI and scheduler, dbt docs and the sandbox, and leave them running
	@$(PY) -m include.local.stack up

down: ## stop everything this clone started
	@if [ -x $(PY) ]; then $(PY) -m include.local.stack down; else echo "Nothing was running."; fi

status: ## say what runs where
	@if [ -x $(PY) ]; then $(PY) -m include.local.stack status || true; else echo "Nothing is running."; fi

sql: .env ## CSV from the warehouse as the tenant's reader: Q="select ..." [TENANT=demo]
	@$(PY) -m include.local.query

forecast: .env ## a compensation forecast without Airflow: PERIOD=2026-10 [TENANT=demo] [AS_OF=date] [WORKERS=processes] [EXCHANGE=folder]
	@$(PY) -m include.local.forecast

backtest: .env ## the match rule over decided claims: [TENANT=demo] [FROM=date] [TO=date] [SETTINGS='{"clear_score": "0.85"}']
	@$(PY) -m include.local.backtest

optimise: .env ## the setting at which variable pay meets a budget: LEVER=quota_scale [PERCENTILE=95] [BUDGET=amount] [SIM=id] [TENANT=demo]
	@$(PY) -m include.local.optimise

verify: .env ## recompute the evidence and say what is wrong with it: [TENANT=demo] [HEADS=another copy of its heads]
	@$(PY) -m include.local.verify

audit: .env ## the year-end trade audit as one zip: YEAR=2026 [TENANT=demo]
	@$(PY) -m include.local.audit

test: .env ## the whole test suite but the nightly sweeps
	@$(PY) -m pytest -q -m "not nightly" $(ARGS)

test-nightly: .env ## the long sweeps only
	@$(PY) -m pytest -q -m nightly $(ARGS)

test-spark: .env ## the forecast's blocks on local Spark (Java 17), installed into .venv-spark
	@test -x .venv-spark/bin/spark-submit || { $(PY) -m venv .venv-spark && .venv-spark/bin/pip install -q -r tests/spark/requirements.txt; }
	@$(PY) -m pytest -q -s tests/spark $(ARGS)

check: .env ## the only definition of clean: lint, format, generated files, schemas, dbt parse
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m include.extract.generate --check
	$(PY) -m check_jsonschema --builtin-schema vendor.compose-spec docker-compose.yaml
	$(PY) -m include.local.dbt parse --quiet

fmt: .env ## format and repair what ruff can, write generated files again
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .
	$(PY) -m include.extract.generate

bench: .env ## measured goals beside their peers
	@$(PY) -m tests.bench

dbt: .env ## any dbt command on the local warehouse: make dbt ARGS="ls --select finance"
	@$(PY) -m include.local.dbt $(ARGS)

docs: .env ## build the dbt docs
	@$(PY) -m include.local.dbt docs

backup: .env ## one archive of both databases, roles, sandbox and outputs: [FILE=path]
	@$(PY) -m include.local.backup backup

restore: .env ## put a backup back: FILE=path
	@$(PY) -m include.local.backup restore

upgrade: .env ## bring the metadata and the warehouse forward to this code
	@$(PY) -m include.local.backup upgrade

lock: ## resolve requirements again (needs uv)
	@command -v uv >/dev/null || { echo "make lock needs uv: pip install uv" >&2; exit 1; }
	sed '/^-c /d' requirements.txt requirements-sandbox.txt | uv pip compile - --python-version 3.11 --universal --upgrade --no-annotate --no-header -o constraints.txt
	sed '/^-c /d' requirements.txt requirements-sandbox.txt | uv pip compile - -c constraints.txt --python-version 3.11 --universal --no-annotate --no-header --generate-hashes -o requirements.lock

env: .env ## the environment of local processes, as shell exports
	@$(PY) -m include.local env

clean: down ## stop everything and delete all state and the environment
	@if [ -x $(PY) ]; then $(PY) -m include.local.stack clean; fi
	@rm -rf .venv .venv-spark

.PHONY: .env
.env:
	@if [ -z "$(PYTHON)" ]; then echo "Python 3.11 is missing: sudo apt-get install -y python3.11 python3.11-venv" >&2; exit 1; fi
	@"$(PYTHON)" include/local/install.py
