# Everything that is done with this repository, by name. "make" alone lists it.

SWIFT ?= swift
SOURCES = Package.swift Sources Tests $(wildcard examples Benchmarks)

.DEFAULT_GOAL := help
.PHONY: help deps build test venv wheel demo bench bench-python libraries chaos nightly format lint clean

help: ## Print this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

deps: ## Install the Debian packages that are missing (root or sudo)
	@dev/install-dependencies.sh

build: deps ## Build everything for release; leaves .build/release/ray
	$(SWIFT) build -c release

test: deps ## Build and run all tests for release
	@dev/test.sh

venv: build ## Make .venv with Ray from PyPI and our wheel
	@dev/python.sh

wheel: build ## Build our wheel for other machines; leaves build/swift_ray_core-….whl
	@dev/python.sh wheel

demo: deps ## Run an example on a cluster of its own
	@dev/demo.sh

bench: deps ## Run the benchmarks
	@dev/bench.sh

bench-python: build ## Run `ray microbenchmark` on our core and on Ray's own
	@dev/bench-python.sh

libraries: build ## Run Ray Tune, Data, Train and Serve on our core
	@dev/libraries.sh

chaos: deps ## Kill and stop real processes under a job, by a seed: SEED=… SECONDS=120 make chaos
	@dev/chaos.sh

nightly: deps ## Format, tests, killed processes, simulated clusters under many seeds, benchmarks
	@dev/nightly.sh

format: ## Format all Swift sources
	$(SWIFT) format --in-place --parallel --recursive $(SOURCES)

lint: ## Check the format of all Swift sources
	$(SWIFT) format lint --strict --parallel --recursive $(SOURCES)

clean: ## Remove what builds have left
	$(SWIFT) package clean
	rm -rf build
