# The main targets are `make demo` and `make test`. They require Rust, Go and Python, and nothing else.

CARGO ?= cargo
export ONCE FAULTS SEED APPS
# Tests that use a server mostly wait, so run one more than there are CPUs.
export RUST_TEST_THREADS ?= $(shell expr 1 + $$(getconf _NPROCESSORS_ONLN))

.PHONY: help demo test faults lint fuzz generate image-tree release bench bench-packages bench-rollout bench-scale clean

help: ## Show this help
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

demo: ## Run the main use case on an embedded control plane (ONCE=1: exit when done)
	$(CARGO) build --quiet --bin kaspr-operator --example demo
	$(CARGO) run --quiet --example demo

test: lint ## Run all checks: format, lints, unit tests, and the test suite on a real API server
	$(CARGO) test --workspace

faults: ## Inject faults at every API write and compare the results (FAULTS=quick: a sample)
	$(CARGO) build --quiet --bin kaspr-operator --example faults
	$(CARGO) run --quiet --example faults

lint: ## Check format and lints
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --quiet -- -D warnings

generate: ## Generate crds/, webhook-config/, deploy/ and pages of docs/ from types and rules
	$(CARGO) run --quiet -- crds --out crds
	$(CARGO) run --quiet -- crds --out deploy/helm/kaspr-operator/files/crds
	$(CARGO) run --quiet -- webhook-config --out webhook-config
	$(CARGO) run --quiet -- admission-policy --out deploy
	$(CARGO) run --quiet -- schema --out deploy/schemas
	$(CARGO) run --quiet -- rules > docs/rules.md
	$(CARGO) run --quiet -- settings > docs/settings.md
	$(CARGO) run --quiet -- fields > docs/fields.md

# The flags of cargo-fuzz: coverage for libFuzzer, on a stable compiler. Requires a C++ compiler.
FUZZ_SECONDS ?= 60
FUZZ_HOST := $(shell rustc -vV | sed -n 's/^host: //p')
FUZZ_FLAGS := -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
	-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
	-Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 --cfg fuzzing

fuzz: ## Fuzz the rules with reviews, Python and manifests (FUZZ_SECONDS each, default 60)
	cd fuzz && RUSTFLAGS="$(FUZZ_FLAGS)" $(CARGO) build --release --target $(FUZZ_HOST) --target-dir target
	@cd fuzz && mkdir -p artifacts && for target in review python manifest; do \
		mkdir -p corpus/$$target seeds/$$target; \
		echo "fuzz $$target for $(FUZZ_SECONDS) s"; \
		target/$(FUZZ_HOST)/release/$$target -max_total_time=$(FUZZ_SECONDS) -timeout=5 -rss_limit_mb=4096 \
			-artifact_prefix=artifacts/$$target- -print_final_stats=1 -verbosity=0 \
			corpus/$$target seeds/$$target ../examples || exit 1; \
	done

image-tree: ## Build the static binary, assemble the image's files, and check them (UV=path: with uv)
	python3 deploy/image/check.py "$$(deploy/build-static.sh)" target/image-tree $(UV)

release: ## Create the static binary, chart, CRDs, bill of materials and checksums
	python3 deploy/release.py "$$(deploy/build-static.sh)" target/release-artifacts

bench: ## Run the benchmarks and compare them with the baselines
	$(CARGO) bench --bench admission --bench files --bench measure --bench pipelines --bench python

bench-packages: ## Compare the package installer with pip and tar
	$(CARGO) bench --bench packages

bench-rollout: ## Measure the time from a crash after a change until all members work again
	$(CARGO) bench --bench rollout

bench-scale: ## Measure the cost of many apps against a baseline (APPS="100 1000": numbers of apps)
	$(CARGO) bench --bench scale

clean: ## Remove build artifacts
	$(CARGO) clean
