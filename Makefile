# `make demo` shows what this is, `make test` proves that it works; both make their own virtual environment.
# Without make: README.md spells the same steps out.

VENV ?= .venv
PYTHON ?=
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help demo test lint venv docs bench-proxy clean

help:
	@echo "make demo    a new protocol from nothing to proxied messages, in a minute"
	@echo "make test    lint, then every test"
	@echo "make lint    formatting, lint, types, import contracts"
	@echo "make venv    the virtual environment alone ($(VENV))"
	@echo "make docs    write what the docs generate from code again"
	@echo "make bench-proxy   the proxy beside Envoy: CPU time, rate, latency (BENCH=--quick: a few minutes, not half an hour)"
	@echo "make clean   remove what these commands made"

demo: $(STAMP)
	@$(BIN)/metaproto demo

# The same examples in every run; HYPOTHESIS_PROFILE=dev draws new ones, deep many more.
test: lint
	@HYPOTHESIS_PROFILE=$${HYPOTHESIS_PROFILE:-ci} $(BIN)/python -m pytest -q -n auto --maxprocesses 8

lint: $(STAMP)
	@$(BIN)/ruff format --quiet --check . || { echo "formatting: run $(BIN)/ruff format"; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary
	@report=$$($(BIN)/lint-imports 2>&1) || { echo "$$report"; exit 1; }
	@echo "lint: formatting, lint, types and import contracts are fine"

venv: $(STAMP)

docs: $(STAMP)
	@set -e; for page in cli configuration; do \
	  $(BIN)/python -m metaprotocol_sdk.cli.reference $$page > docs/reference/$$page.md.new; \
	  mv docs/reference/$$page.md.new docs/reference/$$page.md; \
	done

bench-proxy: $(STAMP)
	@$(BIN)/python benchmarks/proxy.py $(BENCH)

# Made once, and again when pyproject.toml changes. An interpreter counts when it is 3.11 or later and can make a
# virtual environment with pip in it, which Debian and Ubuntu leave out unless python3-venv is installed.
$(STAMP): pyproject.toml
	@set -e; new=; \
	for each in $(PYTHON) $(if $(PYTHON),,python3.13 python3.12 python3.11 python3.14 python3 python); do \
	  "$$each" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 || continue; \
	  new=$${new:-$$each}; \
	  if "$$each" -c 'import ensurepip, venv' >/dev/null 2>&1; then found=$$each; break; fi; \
	done; \
	if [ -z "$$new" ]; then \
	  echo "No Python 3.11 or later is here$(if $(PYTHON), ($(PYTHON) is none)); install one, or name it: make PYTHON=/path/to/python3" >&2; exit 1; \
	fi; \
	if [ -z "$${found:-}" ]; then \
	  echo "$$new cannot make virtual environments; on Debian and Ubuntu: sudo apt-get install python3-venv" >&2; exit 1; \
	fi; \
	if ! "$(BIN)/python" -c '' >/dev/null 2>&1; then \
	  echo "making $(VENV) with $$("$$found" --version) (once, about a minute)"; \
	  "$$found" -m venv --clear "$(VENV)"; \
	fi; \
	"$(BIN)/python" -m pip install -qq --disable-pip-version-check --editable '.[dev]' || { \
	  echo "The installation failed, see above; it needs a package index that pip can reach. Then run make again." >&2; exit 1; }; \
	touch "$@"

clean:
	@rm -rf .venv dist build htmlcov .coverage .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .metaproto
	@find metaprotocol_sdk reference_codecs tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
