# What a person can run here. `make` alone lists it.

.DEFAULT_GOAL := help
.PHONY: help run test lint fmt bench crash fuzz snapshots models coverage dist

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## build and start everything useful on this host: server, host collector, X-Ray listener
	@cargo xtask run

test: ## set up what the tests need and run them all
	@cargo xtask test

lint: ## formatting, clippy, dependency licences and advisories, crate boundaries
	@cargo xtask lint

fmt: ## format the code
	@cargo fmt --all

bench: ## micro-benchmarks, then the load generator over the wire; writes docs/performance.md
	@cargo xtask bench

crash: ## kill the server under load, again and again; ROUNDS=200 for a long run
	@cargo xtask crash --rounds $(or $(ROUNDS),50)

fuzz: ## fuzz every decoder and reader for SECONDS each (needs cargo-fuzz and a nightly toolchain)
	@cargo xtask fuzz --seconds $(or $(SECONDS),60)

snapshots: ## draw the reviewed pictures of charts anew; look at them before keeping them
	@RENEW_SNAPSHOTS=1 cargo test --locked -p watchkeep-chart pictures

models: ## take over the newest API models from PyPI
	@cargo xtask models

coverage: ## rewrite docs/coverage.md and docs/settings.md from the program's tables
	@cargo xtask coverage

dist: ## one optimized binary in target/dist
	@cargo xtask dist
