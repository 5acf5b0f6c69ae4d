# The one front door. `make help` lists the targets.
#
# Everything fetched or unpacked goes below .cache/, everything built below target/; both may be deleted at any time.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

LISTEN ?= 127.0.0.1:8080
PYTHON ?= python3

# Two files of tests at a time: most wait for a browser or a server.
PYTEST_ARGS ?= --numprocesses=2 --dist=loadfile

COMPARE ?= signal hook kill outage idle busy

# Where cargo puts what it builds.
TARGET := $(or $(CARGO_TARGET_DIR),target)
VENV := .cache/venv
SERVERS := .cache/servers
DASHBOARD := .cache/dashboard
IMAGE ?= ray-history:0.1.0
COLLECT_IMAGE ?= ray-history-collect:0.1.0
PYTHON_FILES := e2e scripts/fetch-dashboard scripts/release-manifests scripts/sbom scripts/versions tests/storage_servers

##@ Use

.PHONY: run
run: ## Serve the two bundled sessions on http://$(LISTEN)/
	cargo build --release --locked --bin ray-history
	scripts/unpack-demo .cache/demo
	scripts/serve-demo $(TARGET)/release/ray-history .cache/demo $(DASHBOARD) $(LISTEN)

.PHONY: dashboard
dashboard: ## Fetch the Ray dashboard's files from the ray wheel, once. RAY_VERSIONS="2.55.1 …" or "all"
	$(PYTHON) scripts/fetch-dashboard $(DASHBOARD) $(RAY_VERSIONS)

.PHONY: image
image: ## Build the container image $(IMAGE) into target/image/, with buildah and without a registry
	scripts/image $(IMAGE) target/image/ray-history.tar

.PHONY: image-collect
image-collect: ## Build the collector's image $(COLLECT_IMAGE) into target/image/, in the same way
	scripts/image --collect $(COLLECT_IMAGE) target/image/ray-history-collect.tar

.PHONY: release
release: $(VENV)/e2e/stamp control-plane ## Write what a release publishes into target/release-files/, if all versions agree. RELEASE_ARGS=--unreleased
	scripts/release $(RELEASE_ARGS) target/release-files

##@ Develop

.PHONY: test
test: test-deps ## Install what the tests need, and run all of them
	scripts/test-all $(VENV)/e2e/bin/python $(PYTEST_ARGS)

.PHONY: test-deps
test-deps: rust-deps e2e-deps ## Install what the tests need

.PHONY: test-rust
test-rust: rust-deps ## The Rust tests alone
	cargo test --locked

.PHONY: control-plane
control-plane: ## Build the API server, etcd and kubectl that the tests run against, once
	scripts/control-plane .cache/control-plane

.PHONY: manifest-tools
manifest-tools: ## Build Prometheus' parser and fetch other people's definitions, for the tests of the manifests, once
	scripts/manifest-tools .cache/manifest-tools

.PHONY: test-e2e
test-e2e: e2e-deps ## The end-to-end tests alone: fidelity, layouts, browser, Ray's command line, manifests
	cargo build --locked --bins --example slow_store
	$(VENV)/e2e/bin/python -m pytest e2e $(PYTEST_ARGS)

.PHONY: test-cluster
test-cluster: $(VENV)/e2e/stamp storage-servers ## Tests in a real Kubernetes of one node, as root: installation, KubeRay, Ray. CLUSTER_ARGS="-k rollout"
	scripts/install-nginx .cache/nginx
	scripts/test-cluster $(VENV)/e2e/bin/python $(CLUSTER_ARGS)

.PHONY: mutations
mutations: ## 100,000 damaged sessions, in the release profile: each opens or says why not, and answers JSON
	RAY_HISTORY_MUTATIONS=100000 cargo test --release --locked --test mutations

.PHONY: retention-model
retention-model: ## 10,000 random histories of retention, with crashes, lies and two executors: nothing is lost, nothing stays half
	RAY_HISTORY_RETENTION_RUNS=10000 cargo test --release --locked -p ray-history-retention --test model -- --nocapture

.PHONY: collect-kill
collect-kill: ## Kill the collector 1,000 times at random and named instants: nothing acknowledged is lost or doubled
	RAY_HISTORY_KILL_ROUNDS=1000 cargo test --locked -p ray-history-collect --test kill -- --nocapture

.PHONY: collect-compare
collect-compare: $(VENV)/e2e/stamp storage-servers ## Both collectors on one Ray session, hours. KUBERAY_SOURCE=CHECKOUT COMPARE="signal hook kill"
	e2e/collect/build-kuberay target/kuberay
	cargo build --release --locked -p ray-history-collect
	for scene in $(COMPARE); do \
	  $(VENV)/e2e/bin/python -m e2e.collect.compare --ours $(TARGET)/release/ray-history-collect \
	    --kuberay target/kuberay/collector --into target/compare/$$scene $(COMPARE_ARGS) $$scene; \
	done
	$(VENV)/e2e/bin/python -m e2e.collect.compare.report $(COMPARE:%=target/compare/%)

.PHONY: collect-fidelity
collect-fidelity: $(VENV)/e2e/stamp ## Record a session with the product's own collectors and score it. COLLECT_ARGS="--work hard 2.55.1"
	cargo build --locked --bins
	$(VENV)/e2e/bin/python -m e2e.collect.recorded $(COLLECT_ARGS)

.PHONY: collect-nodes
collect-nodes: $(VENV)/e2e/stamp ## Collectors beside several real nodes, restarts and older Rays, some minutes
	cargo build --locked --bins
	$(VENV)/e2e/bin/python -m pytest e2e/collect/nodes.py

.PHONY: fidelity
fidelity: $(VENV)/e2e/stamp ## How much of the live dashboard's answers is reproduced, class by class
	cargo build --locked
	$(VENV)/e2e/bin/python -m e2e.scores $(FIDELITY_ARGS)

.PHONY: ray-matrix
ray-matrix: $(VENV)/e2e/stamp ## Record and score every supported version of Ray, half an hour. MATRIX_ARGS="--write [VERSION...]"
	cargo build --locked
	$(VENV)/e2e/bin/python -m e2e.matrix $(MATRIX_ARGS)

.PHONY: lint
lint: $(VENV)/lint/stamp ## Formatting, clippy, docs, dependencies, scripts and e2e code; warnings are errors
	scripts/lint $(VENV)/lint/bin

.PHONY: fmt
fmt: $(VENV)/lint/stamp ## Format Rust and Python
	cargo fmt --all
	$(VENV)/lint/bin/ruff format $(PYTHON_FILES)
	$(VENV)/lint/bin/ruff check --fix $(PYTHON_FILES)

.PHONY: gen
gen: ## Write again what is generated from the code
	cargo build --locked
	scripts/gen-cli $(TARGET)/debug/ray-history > docs/cli.md
	RAY_HISTORY_GEN=1 cargo test --locked -p ray-history-metrics --quiet
	RAY_HISTORY_GEN=1 cargo test --locked --test openapi
	RAY_HISTORY_GEN=1 cargo test --locked --test routes -- the_bucket_of_the_end_to_end_tests_is_current
	mkdir -p crds && $(TARGET)/debug/ray-history crd > crds/history.ray.io_rayhistories.yaml
	scripts/gen-chart

.PHONY: screenshot
screenshot: $(VENV)/e2e/stamp dashboard ## Take the picture of the README again
	scripts/install-chromium
	cargo build --locked
	$(VENV)/e2e/bin/python -m e2e.screenshot

.PHONY: bench
bench: storage-servers ## Benchmarks
	cargo bench --locked -p ray-history-tables -p ray-history

.PHONY: soak
soak: $(VENV)/e2e/stamp ## Load test of the release build in little memory, some minutes. SOAK_ARGS="--big FILE.tar"
	scripts/install-wrk
	cargo build --release --locked
	RAY_HISTORY_BIN=$(TARGET)/release/ray-history $(VENV)/e2e/bin/python -m e2e.soak $(SOAK_ARGS)

.PHONY: hard
hard: $(VENV)/e2e/stamp ## Hostile sessions in 512 MiB for ten minutes. HARD_ARGS="[FOLDER] [--seconds N]"
	cargo build --release --locked
	RAY_HISTORY_BIN=$(TARGET)/release/ray-history $(VENV)/e2e/bin/python -m e2e.hard $(HARD_ARGS)

.PHONY: clean
clean: ## Delete what was built, fetched and unpacked
	rm -rf target .cache

.PHONY: help
help: ## This text
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z0-9-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Prerequisites of the targets above.

.PHONY: storage-servers
storage-servers:
	scripts/storage-servers $(SERVERS)

.PHONY: rust-deps
rust-deps: storage-servers control-plane $(VENV)/oss/stamp

.PHONY: e2e-deps
e2e-deps: $(VENV)/e2e/stamp .cache/ray/2.52.0/stamp all-dashboards control-plane manifest-tools storage-servers
	scripts/install-chromium
	scripts/install-nginx .cache/nginx
	scripts/install-image-tools
	scripts/oauth2-proxy .cache/oauth2-proxy
	scripts/axe-core .cache/axe-core

.PHONY: all-dashboards
all-dashboards:
	$(PYTHON) scripts/fetch-dashboard $(DASHBOARD) all

$(VENV)/%/stamp: e2e/requirements/%.txt scripts/make-venv
	PYTHON=$(PYTHON) scripts/make-venv $(VENV)/$* $<

# Where e2e/harness/rays.py looks for it. Here pip has the user's settings, in the tests it has none.
.cache/ray/%/stamp: scripts/make-venv
	mkdir -p .cache/ray
	echo 'ray[default]==$*' >.cache/ray/$*.txt
	PYTHON=$(PYTHON) scripts/make-venv .cache/ray/$* .cache/ray/$*.txt
