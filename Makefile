# make demo | make test | make check; everything they need is made on the way.

PYTHON ?= python3
# Test processes: on two cores one of them waits for a time-out while the others work.
WORKERS ?= 3
BIN := .venv/bin
export PYTHON

.PHONY: help venv env demo test test-postgres check format bench lock

help:
	@echo "make demo [ARGS=--once]  the product with the vendors' sandboxes on this machine"
	@echo "make test                checks, then the whole test suite"
	@echo "make test-postgres       the whole test suite on PostgreSQL"
	@echo "make check               style, types, import contracts, settings, migrations"
	@echo "make format              put the style right"
	@echo "make bench               measurements"
	@echo "make lock                pin the newest requirements that fit"

.venv/installed: requirements.txt bin/venv
	bin/venv requirements.txt
	@touch $@

.venv/installed-dev: requirements-dev.txt .venv/installed
	bin/venv requirements-dev.txt
	@touch $@

venv: .venv/installed

env:
	@$(PYTHON) bin/generate_env.py

demo: venv env
	$(BIN)/python manage.py demo $(ARGS)

test: check
	$(BIN)/pytest -n $(WORKERS) --dist loadfile $(ARGS)

test-postgres: .venv/installed-dev
	$(BIN)/python bin/with_postgres.py $(BIN)/pytest $(ARGS)

# The tests' settings need no .env.
check: export DJANGO_SETTINGS_MODULE = tests.settings
check: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/python manage.py check
	$(BIN)/python manage.py makemigrations --check --dry-run

format: .venv/installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Measurements are files named bench_*.py, so that the test suite does not run them.
bench: .venv/installed-dev
	$(BIN)/pytest tests/benchmarks -o python_files="bench_*.py" --capture=no $(ARGS)

UV_COMPILE = $(BIN)/uv pip compile --upgrade --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --quiet

lock: .venv/installed
	$(BIN)/pip install --quiet --disable-pip-version-check uv
	$(UV_COMPILE) requirements.in -o requirements.txt
	$(UV_COMPILE) requirements-dev.in -o requirements-dev.txt
