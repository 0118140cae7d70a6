# The two that matter: `make demo` and `make test`. Needs Rust, Go and Python, and nothing else.

CARGO ?= cargo
export ONCE FAULTS SEED APPS
# Tests that need a server wait more than they work.
export RUST_TEST_THREADS ?= $(shell expr 1 + $$(getconf _NPROCESSORS_ONLN))

.PHONY: help demo test faults lint fuzz generate image-tree release bench bench-packages bench-scale clean

help: ## Show this help
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

demo: ## Run the main job on an embedded control plane (ONCE=1: end by itself)
	$(CARGO) build --quiet --bin kaspr-operator --example demo
	$(CARGO) run --quiet --example demo

test: lint ## Check everything: format, lints, unit tests, and the suite on a real API server
	$(CARGO) test --workspace

faults: ## Disturb the operator at every write and compare what comes of it (FAULTS=quick: a sample)
	$(CARGO) build --quiet --bin kaspr-operator --example faults
	$(CARGO) run --quiet --example faults

lint: ## Check format and lints
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --quiet -- -D warnings

generate: ## Write crds/, webhook-config/, deploy/ and pages of docs/ from types and rules
	$(CARGO) run --quiet -- crds --out crds
	$(CARGO) run --quiet -- crds --out deploy/helm/kaspr-operator/files/crds
	$(CARGO) run --quiet -- webhook-config --out webhook-config
	$(CARGO) run --quiet -- admission-policy --out deploy
	$(CARGO) run --quiet -- rules > docs/rules.md
	$(CARGO) run --quiet -- settings > docs/settings.md
	$(CARGO) run --quiet -- fields > docs/fields.md

# What cargo-fuzz would set: coverage for libFuzzer, on a stable compiler. Needs a C++ compiler.
FUZZ_SECONDS ?= 60
FUZZ_HOST := $(shell rustc -vV | sed -n 's/^host: //p')
FUZZ_FLAGS := -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
	-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
	-Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 --cfg fuzzing

fuzz: ## Feed reviews, Python and manifests to the rules until one breaks (FUZZ_SECONDS each, 60)
	cd fuzz && RUSTFLAGS="$(FUZZ_FLAGS)" $(CARGO) build --release --target $(FUZZ_HOST) --target-dir target
	@cd fuzz && mkdir -p artifacts && for target in review python manifest; do \
		mkdir -p corpus/$$target seeds/$$target; \
		echo "fuzz $$target for $(FUZZ_SECONDS) s"; \
		target/$(FUZZ_HOST)/release/$$target -max_total_time=$(FUZZ_SECONDS) -timeout=5 -rss_limit_mb=4096 \
			-artifact_prefix=artifacts/$$target- -print_final_stats=1 -verbosity=0 \
			corpus/$$target seeds/$$target ../examples || exit 1; \
	done

image-tree: ## Build the static binary, lay out the image's files, and check them (UV=path: with uv)
	python3 deploy/image/check.py "$$(deploy/build-static.sh)" target/image-tree $(UV)

release: ## Write the static binary, chart, CRDs, bill of materials and checksums
	python3 deploy/release.py "$$(deploy/build-static.sh)" target/release-artifacts

bench: ## Print the measured claims beside their yardsticks
	$(CARGO) bench --bench admission --bench measure

bench-packages: ## Print what an install of packages costs beside pip and tar
	$(CARGO) bench --bench packages

bench-scale: ## Print what many apps cost beside a floor (APPS="100 1000", the numbers of apps)
	$(CARGO) bench --bench scale

clean: ## Remove what was built
	$(CARGO) clean
