# Offhook. `make run` starts the PBX, `make test` runs every test, `make check` is what CI runs.
PYTHON ?= python3
BIN := .venv/bin
CONFIG ?= config.yml

.PHONY: help run setup setup-dev test-tools test faultbench bench bench-quick bench-fetch bench-sip lint check fuzz golden screenshots docs clean

help: ## say what the targets do
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: setup $(CONFIG) ## set everything up and start the PBX
	@$(BIN)/offhook serve --config $(CONFIG)

setup: .venv/.installed ## make .venv with the offhook command in it

.venv/.installed: pyproject.toml uv.lock scripts/setup.sh
	@PYTHON=$(PYTHON) sh scripts/setup.sh --no-dev
	@touch $@

setup-dev: .venv/.installed-dev ## the same with the tools of development and tests

.venv/.installed-dev: pyproject.toml uv.lock scripts/setup.sh
	@PYTHON=$(PYTHON) sh scripts/setup.sh --all-groups
	@touch .venv/.installed $@

$(CONFIG): | setup # the first configuration, this machine's address filled in
	@$(BIN)/python scripts/first_config.py config.yml.example $@

test-tools:
	@sh scripts/test_tools.sh

test: setup-dev test-tools ## run all tests (real phones too: apt packages are installed when root)
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/pytest -n 3 --dist loadfile

faultbench: setup-dev ## drive every fault from outside and print how well it is named
	@$(BIN)/python -m tests.faultbench.run

bench: setup-dev ## measure everything beside its peers, under ten minutes; updates docs/performance.md
	@$(BIN)/python -m benchmarks run --json bench.json --page docs/performance.md

bench-quick: setup-dev ## the same in about a minute and a half, coarser; prints only
	@$(BIN)/python -m benchmarks run --quick

bench-fetch: setup-dev ## files a second on one core, ours and nginx's
	@$(BIN)/python -m benchmarks run --only fetch

bench-sip: setup-dev ## registrations a second on one core, ours and Kamailio's
	@$(BIN)/python -m benchmarks.sip

lint: setup-dev ## format, lint, types and import contracts
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

check: lint test ## what CI runs

fuzz: ## fuzz the SIP side for an hour, in a virtual environment of its own
	@[ -x .fuzz/venv/bin/python ] || $(PYTHON) -m venv .fuzz/venv
	@.fuzz/venv/bin/pip install --quiet atheris
	@PYTHONPATH=src .fuzz/venv/bin/python -m tests.fuzz

golden: setup-dev ## rewrite the golden files of the makers; review them as a diff
	@$(BIN)/python -m tests.contract.golden

screenshots: setup-dev test-tools ## take a picture of every page of a filled PBX
	@PYTHONPATH=. $(BIN)/python scripts/screenshots.py screenshots

docs: setup-dev ## rewrite the generated pages
	@$(BIN)/python scripts/make_docs.py

clean: ## remove what setup made; configuration and data stay
	@rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
