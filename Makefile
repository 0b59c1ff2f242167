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

##@ Farm in one process
demo: preflight ## The two-minute look: a scene made, rendered on a farm of this machine, and shown
	@$(MAKE) --no-print-directory setup
	@$(BIN)/python -m lightmill.local demo --data demo
preflight:
	@PYTHONPATH=services/local/src:services/render-node/src python3.11 -m lightmill.local.preflight
local: setup ## A farm on http://localhost:3000 (PORT=) that keeps its data in demo/farm
	@$(BIN)/python -m lightmill.local up --data demo/farm --port $(or $(PORT),3000)

engine: setup ## Install the managed Blender that demo and tests render with (373 MB, once)
	@$(BIN)/lightmill-node engines install blender

validator: ## Install the Khronos glTF validator that tests compare with (needs Node's npm)
	@test -d $(TOOLS)/node_modules/gltf-validator || npm install --silent --no-audit --no-fund --prefix $(TOOLS) gltf-validator@2.0.0-dev.3.10

##@ Farm in containers
COMPOSE := docker compose --project-directory deploy/compose --file deploy/compose/compose.yaml
PARTS   := mysql rabbitmq redis s3
NODES   ?= 2
APIS    ?= 2

up: secrets ## The whole farm: NODES=2 render nodes, APIS=2 apis; waits until it is ready
	@deploy/compose/check-ports
	@$(COMPOSE) build --quiet
	@$(COMPOSE) up --detach --wait --wait-timeout 300 --scale render-node=$(NODES) --scale api=$(APIS) || { $(COMPOSE) ps --all; $(COMPOSE) logs --tail 30 setup api scheduler analyzer render-node; exit 1; }
	@TOKEN=$$(cat $${LIGHTMILL_SECRETS:-deploy/compose/secrets}/admin_token) $(COMPOSE) exec --no-TTY --env TOKEN api python - <deploy/compose/sample_design.py
	@deploy/compose/show
down: ## Stop the farm; what it holds is kept (make down ERASE=1 deletes that too)
	@$(COMPOSE) --profile '*' down --remove-orphans $(if $(ERASE),--volumes)
smoke: setup ## Prove the running farm: render, open the result, read a status without SQL
	@$(BIN)/python tests/e2e/smoke.py
infra: secrets ## Only MySQL, RabbitMQ, Redis and S3, made ready for services that run on this machine
	@deploy/compose/check-ports
	@$(COMPOSE) build --quiet setup
	@$(COMPOSE) up --detach --wait $(PARTS)
	@$(COMPOSE) run --rm setup
	@deploy/compose/show
dev: secrets ## The farm, with one service (SERVICE=api) built and started anew whenever its source changes
	@test -n "$(SERVICE)" || { echo "Say which: make dev SERVICE=api"; exit 2; }
	@$(COMPOSE) up --detach --build --wait
	@$(COMPOSE) watch --no-up $(SERVICE)
logs: ## Follow what the farm says (SERVICE=api for one of it)
	@$(COMPOSE) logs --follow --tail 100 $(SERVICE)
secrets: ## Make the passwords and tokens that are not there yet
	@deploy/compose/make-secrets

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
test: setup ## Every test; those on real MySQL, RabbitMQ, Redis and S3 where a Docker engine answers
	@$(BIN)/lightmill-node engines check >/dev/null 2>&1 || $(BIN)/lightmill-node engines install blender || echo "No Blender: the tests that render with it are left out."
	@$(MAKE) --no-print-directory validator 2>/dev/null || echo "No npm: the tests that compare with the Khronos glTF validator are left out."
	@if docker info >/dev/null 2>&1; then $(BIN)/pytest -m "not chaos"; \
	else echo "No Docker engine answers: the tests on real MySQL, RabbitMQ, Redis and S3 are left out."; $(BIN)/pytest -m "not backing and not e2e and not chaos"; fi
chaos: setup ## Blows that take too long for the other tests: the broker away for a minute, 20 leaders killed …
	$(BIN)/pytest -m chaos tests/e2e
fuzz: setup ## Feed TARGET=maya, gltf, zip or tar with what breaks parsers, for SECONDS=60
	@test -d .tools/atheris || $(UV) pip install --quiet --python $(BIN)/python --target .tools/atheris atheris==3.0.0
	@mkdir -p .tools/fuzz
	@PYTHONPATH=.tools/atheris $(BIN)/python tests/fuzz/parsers.py $(TARGET) -max_total_time=$(or $(SECONDS),60) -timeout=10 -rss_limit_mb=2048 -artifact_prefix=.tools/fuzz/
test-concurrency: setup ## 20 designs at once start in the order of their creation
	@$(BIN)/python -m lightmill.local concurrency
simulate: setup ## The whole protocol on invented farms with faults, and seeded bugs that it must find: SEED=7, FARMS=2000
	@$(BIN)/python -m lightmill.scheduler.simulation $(if $(REPLAY),--replay $(REPLAY),--seed $(or $(SEED),7) --farms $(or $(FARMS),2000))
bench: setup ## List the benchmarks; NAME=farm_overhead runs one
	@$(BIN)/python bench/run.py $(NAME)
figures: setup ## Write the table of figures in the READMEs from what the benchmarks have measured
	@$(BIN)/python bench/figures.py
schemas: setup ## Write the JSON Schema of every message after a change of one
	$(BIN)/python -m lightmill.messages.schema_files
test-fast: setup ## Tests that need nothing but Python, in seconds
	$(BIN)/pytest -m "not backing and not e2e and not blender and not slow"

PHONY_FARM := up down smoke infra dev logs secrets
PHONY_LOCAL := engine validator demo preflight local test-concurrency simulate bench figures
.PHONY: $(PHONY_FARM) $(PHONY_LOCAL) help setup lock check fmt lint types layers test chaos fuzz test-fast schemas
