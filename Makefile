# Meseta's commands. `make help` lists them; `make test` is what CI runs (.ci/run).
#
# Assumed: git, make, gcc and stable Rust. `make deps` installs the rest under .tools/; only protoc
# comes from the system (as root from apt, else it is named in one line).

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

TOOLS := $(CURDIR)/.tools
TARGET := $(or $(CARGO_TARGET_DIR),target)
# What the tests look for by name: etcd, helm.
export PATH := $(TOOLS)/bin:$(PATH)
export CARGO_TERM_PROGRESS_WHEN ?= never

HELM := $(TOOLS)/bin/helm
CHART := helm/meseta
# The profile of .config/nextest.toml: `default` at the desk, `ci` where CI is set.
NEXTEST_PROFILE := $(if $(CI),ci,default)

# The same in each step, so that cargo unifies features once and builds each crate once.
EVERYTHING := --workspace --all-features

# How long `make fuzz` runs each target, and where what it builds and finds is kept.
FUZZ_SECONDS ?= 60
FUZZ_OUT := $(abspath $(TARGET))/fuzz

# Tests that are nothing but reading and writing: the interpreter takes a thousand times as long
# as the processor. The proofs of the handshake are ring's, which is no Rust to interpret.
MIRI_TESTS := wire:: net::tcp:: net::upgrade:: trace:: codec

# In this order: what loads the machine most comes last, since its load outlives it.
BENCHES := memory allocation reregistration reads events updates failover launches containers
# Beside libproc's peers, which are a workspace of their own.
PEER_BENCHES := peers counts

# What `make demo` runs once the binaries are built.
DEMO := $(TARGET)/debug/meseta demo

##@ Use

.PHONY: demo
demo: protoc ## One master, three agents, a hundred real tasks on this machine
	cargo build --bin meseta --bin hello
	$(DEMO)

.PHONY: build
build: protoc ## Build everything
	cargo build $(EVERYTHING) --all-targets

.PHONY: jaeger
jaeger: protoc ## Take traces at 127.0.0.1:4317 and show them in Jaeger at http://127.0.0.1:16686
	CARGO_TARGET_DIR=$(abspath $(TARGET))/jaeger cargo run --locked --manifest-path scripts/tools/jaeger/Cargo.toml

##@ Check

.PHONY: test
test: deps fmt-check helm-lint clippy tidy nextest doctest ## All that a change must pass; what CI runs

.PHONY: verify
verify: test deny fuzz seeds ## `make test` and what takes longer or needs more tools

.PHONY: fmt
fmt: ## Format the code
	cargo fmt --all

.PHONY: fmt-check
fmt-check:
	cargo fmt --all -- --check

.PHONY: clippy
clippy: protoc ## Lint all code, warnings denied
	cargo clippy $(EVERYTHING) --all-targets -- -D warnings

.PHONY: tidy
tidy: deps ## The rules that no lint can hold (tests/tests/tidy/)
	cargo nextest run $(EVERYTHING) --profile $(NEXTEST_PROFILE) -E 'binary(tidy)'

.PHONY: nextest
nextest: deps
	cargo nextest run $(EVERYTHING) --profile $(NEXTEST_PROFILE)

.PHONY: doctest
doctest: protoc
	cargo test --quiet $(EVERYTHING) --doc

.PHONY: doc
doc: protoc ## Build the API documentation, warnings denied
	RUSTDOCFLAGS="-D warnings" cargo doc $(EVERYTHING) --no-deps --document-private-items

.PHONY: helm-lint
helm-lint: $(TOOLS)/npm.stamp ## Lint the chart and render it for each of its ci values
	@for values in $(CHART)/ci/*-values.yaml; do \
		echo "helm: lint and render with: $$values"; \
		$(HELM) lint --strict $(CHART) --values "$$values"; \
		$(HELM) template meseta $(CHART) --values "$$values" >/dev/null; \
	done

.PHONY: seeds
seeds: protoc ## The random-fault runs of the simulated cluster on SEEDS more seeds
	MESETA_SEEDS=$(or $(SEEDS),200) cargo test --release -p meseta-tests --test sim_faults invariants -- --nocapture

.PHONY: deny
deny: ## Licences, banned crates, duplicates, sources (deny.toml)
	scripts/deps.sh deny
	cargo deny --all-features check bans licenses sources

.PHONY: fuzz
fuzz: ## Fuzz each decoder for FUZZ_SECONDS (60), with nightly Rust (fuzz/README.md)
	@cargo fuzz --version >/dev/null 2>&1 && cargo +nightly --version >/dev/null 2>&1 || \
		{ echo "fuzz: needs nightly Rust and cargo-fuzz: rustup toolchain install nightly && cargo install cargo-fuzz --locked" >&2; exit 1; }
	@cd fuzz && for target in $$(cargo +nightly fuzz list); do \
		echo "fuzz: $$target for $(FUZZ_SECONDS) s"; \
		mkdir -p $(FUZZ_OUT)/$$target; \
		CARGO_TARGET_DIR=$(FUZZ_OUT)/build cargo +nightly fuzz run $$target $(FUZZ_OUT)/$$target corpus/$$target -- \
			-max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 -verbosity=0 -print_funcs=0 -artifact_prefix=$(FUZZ_OUT)/$$target- 2>&1 | \
			sed "/Recommended dictionary/,/End of recommended/d"; \
	done

.PHONY: miri
miri: ## libproc's codec (frames, payloads, handshake) in the interpreter Miri, with nightly Rust
	@cargo +nightly miri --version >/dev/null 2>&1 || \
		{ echo "miri: needs nightly Rust with Miri: rustup toolchain install nightly --component miri" >&2; exit 1; }
	MIRIFLAGS=-Zmiri-disable-isolation PROPTEST_CASES=8 CARGO_TARGET_DIR=$(abspath $(TARGET))/miri \
		cargo +nightly miri test -p libproc --all-features --lib --test corpus -- $(MIRI_TESTS)

##@ Measure

.PHONY: bench-libproc
bench-libproc: ## libproc beside tokio, actix, ractor and kameo, local and remote, in one table
	@failed=; for bench in $(PEER_BENCHES); do \
		CARGO_TARGET_DIR=$(abspath $(TARGET))/peers cargo bench --quiet --locked \
			--manifest-path tests/peers/Cargo.toml --bench $$bench || failed="$$failed $$bench"; \
	done; test -z "$$failed" || { echo "not recorded:$$failed" >&2; exit 1; }

.PHONY: bench
bench: protoc ## Print the figures; also as JSON lines in target/bench/results.jsonl
	cargo build --release --bin meseta
	cargo bench -p meseta-tests --no-run
	@failed=; $(MAKE) bench-libproc || failed=" libproc"; for bench in $(BENCHES); do \
		cargo bench --quiet -p meseta-tests --bench $$bench || failed="$$failed $$bench"; \
	done; test -z "$$failed" || { echo "not recorded:$$failed" >&2; exit 1; }

.PHONY: bench-record
bench-record: ## Run the benches and append their figures to docs/bench.jsonl
	rm -f $(TARGET)/peers/bench/results.jsonl $(TARGET)/bench/results.jsonl
	$(MAKE) bench
	mkdir -p docs
	cat $(TARGET)/peers/bench/results.jsonl $(TARGET)/bench/results.jsonl >>docs/bench.jsonl

##@ Tools

.PHONY: deps
deps: protoc etcd $(TOOLS)/python.stamp $(TOOLS)/npm.stamp ## Install what building and testing need; quick when it is there
	@scripts/deps.sh nextest

.PHONY: protoc etcd
protoc etcd:
	@scripts/deps.sh $@

$(TOOLS)/python.stamp: scripts/tools/requirements.txt scripts/deps.sh
	@scripts/deps.sh python
	@touch $@

$(TOOLS)/npm.stamp: scripts/tools/package.json scripts/tools/package-lock.json scripts/deps.sh
	@scripts/deps.sh npm
	@touch $@

.PHONY: clean-tools
clean-tools: ## Remove what `make deps` put under .tools/
	rm -rf $(TOOLS)

.PHONY: help
help: ## This list
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@/ { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
