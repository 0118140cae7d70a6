# The two that matter: `make demo` and `make test`. Needs Rust, Go and Python, and nothing else.

CARGO ?= cargo
export ONCE

.PHONY: help demo test lint unit suite generate bench clean

help: ## Show this help
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

demo: ## Run the main job on an embedded control plane (ONCE=1: end by itself)
	$(CARGO) build --quiet --bin kaspr-operator --example demo
	$(CARGO) run --quiet --example demo

test: lint ## Check everything: format, lints, unit tests, and the suite on a real API server
	$(CARGO) test --workspace

lint: ## Check format and lints
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --quiet -- -D warnings

generate: ## Write crds/, webhook-config/, deploy/ and docs/rules.md from types and rules
	$(CARGO) run --quiet -- crds --out crds
	$(CARGO) run --quiet -- webhook-config --out webhook-config
	$(CARGO) run --quiet -- admission-policy --out deploy
	$(CARGO) run --quiet -- rules > docs/rules.md

bench: ## Print the measured claims beside their yardsticks
	$(CARGO) bench

clean: ## Remove what was built
	$(CARGO) clean
