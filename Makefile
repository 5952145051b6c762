# Everything a newcomer and CI need. `make help` lists it.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

CARGO_TARGET_DIR ?= $(CURDIR)/target
export CARGO_TARGET_DIR
BIN := $(CARGO_TARGET_DIR)/debug
VIGIE := $(BIN)/vigie
# Queries are checked against committed data; `make sqlx` renews it.
export SQLX_OFFLINE := true
TOOLS := $(CURDIR)/.vigie/tools
NEXTEST := $(shell command -v cargo-nextest 2>/dev/null)

.PHONY: help
help: ## List the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

.PHONY: setup
setup: ## Install what is missing: Postgres server, NATS server
	@deploy/setup/install.sh

.PHONY: build
build: ## Build all services and tools
	cargo build --workspace --bins --locked

.PHONY: demo
demo: setup build ## Start everything and audit a call through the public API
	@$(VIGIE) demo

.PHONY: up
up: setup build ## Start everything in the background
	@$(VIGIE) up --detach

.PHONY: down
down: ## Stop it
	@if [ -x $(VIGIE) ]; then $(VIGIE) down; else echo "Vigie was never built here."; fi

.PHONY: status
status: ## Show what runs
	@$(VIGIE) status

# One build for services and tests: the same features, so nothing is compiled twice. The servers
# are private to this run.
.PHONY: test
test: setup ## Run all tests
	cargo build --workspace --bins --tests --locked
	@if [ -n "$(NEXTEST)" ]; then \
	  VIGIE_BIN_DIR=$(BIN) $(BIN)/vigie-with-servers cargo nextest run --workspace --locked; \
	else \
	  VIGIE_BIN_DIR=$(BIN) $(BIN)/vigie-with-servers cargo test --workspace --bins --tests --locked; \
	fi
	cargo test --workspace --doc --locked --quiet
	@echo "make test: all tests passed"

.PHONY: check
check: ## Formatting, lints, protobuf, generated files
	@deploy/setup/install.sh check
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cd proto && $(TOOLS)/buf lint
	@deploy/setup/unchanged.sh generated 'docs/asyncapi.yaml docs/openapi.json'
	@deploy/setup/unchanged.sh sqlx 'crates/*/.sqlx services/*/.sqlx'
	@echo "make check: clean"

.PHONY: bench
bench: setup ## Measure audits a second (release build)
	cargo build --workspace --bins --release --locked
	@$(CARGO_TARGET_DIR)/release/vigie bench $(BENCH_ARGS)

.PHONY: fmt
fmt: ## Format the code
	cargo fmt --all

.PHONY: sqlx
sqlx: setup ## Write the offline query data of every crate anew
	@[ -x $(BIN)/vigie-with-servers ] || cargo build --workspace --bins --locked
	@$(BIN)/vigie-with-servers deploy/setup/sqlx-all.sh

.PHONY: generated
generated: ## Write docs/asyncapi.yaml and docs/openapi.json anew
	cargo run --quiet --locked -p vigie-events --example asyncapi >docs/asyncapi.yaml.new
	@mv docs/asyncapi.yaml.new docs/asyncapi.yaml
	cargo run --quiet --locked -p vigie-gateway --example openapi >docs/openapi.json.new
	@mv docs/openapi.json.new docs/openapi.json
