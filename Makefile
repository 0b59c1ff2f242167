.DEFAULT_GOAL := help
export UV_PYTHON_DOWNLOADS := never

TOOLS := .tools
UV    := $(shell command -v uv || echo $(TOOLS)/bin/uv)
BIN   := .venv/bin
MEMBERS := libs/common libs/client services/api services/scheduler services/analyzer services/render-node services/local

help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Start
setup: .venv/.ready ## Install the project and its tools into .venv
.venv/.ready: requirements.lock $(MEMBERS:%=%/pyproject.toml)
	@command -v $(UV) >/dev/null || { python3.11 -m venv $(TOOLS) && $(TOOLS)/bin/pip install --quiet uv; }
	@test -d .venv || $(UV) venv --quiet --python 3.11 .venv
	@$(UV) pip sync --quiet requirements.lock
	@$(UV) pip install --quiet --no-deps $(MEMBERS:%=--editable %)
	@touch $@
lock: ## Choose new versions of everything that is installed
	$(UV) lock --upgrade && $(UV) export --quiet --frozen --all-packages --all-groups --no-emit-workspace --no-annotate --no-header --output-file requirements.lock

##@ Check
check: lint types layers test ## All that CI runs
fmt: setup ## Format, and fix what can be fixed
	$(BIN)/ruff format . && $(BIN)/ruff check --fix .
lint: setup ## Style
	$(BIN)/ruff format --check . && $(BIN)/ruff check .
types: setup ## Types
	$(BIN)/mypy
layers: setup ## Who may import whom
	$(BIN)/lint-imports
test: setup ## Every test; those marked backing and e2e where a Docker engine answers
	@if docker info >/dev/null 2>&1; then $(BIN)/pytest; \
	else echo "No Docker engine answers: the tests on real MySQL, RabbitMQ, Redis and S3 are left out."; $(BIN)/pytest -m "not backing and not e2e"; fi
test-fast: setup ## Tests that need nothing but Python, in seconds
	$(BIN)/pytest -m "not backing and not e2e and not blender and not slow"

.PHONY: help setup lock check fmt lint types layers test test-fast
