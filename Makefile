# The short way to everything; Meson and ninja do the work. `make help` lists.
SHELL := /bin/bash
BUILD ?= build
ARGS ?=
PATH := $(PATH):/usr/sbin:/sbin
.DEFAULT_GOAL := help
.PHONY: help up build console debug fuzz test test-quick test-vm bench lint format clean install

help: ## this list
	@echo 'skep: container security in one executable. Targets:'
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /\1|/' | awk -F'|' '{printf "  make %-10s %s\n", $$1, $$2}'
	@echo 'Options: make up ARGS="--listen 127.0.0.1:9443", make bench AREA=sensor. Guide: README.md'

up: build ## install what is missing, build, start console and agent of this host
	@exec $(BUILD)/release/skep up $(ARGS)

build: ## the release executable with the console in it: build/release/skep
	@tools/build release

debug: ## the executable and the unit tests with ASan and UBSan: build/debug
	@tools/build debug

test: ## install what the tests need, run all of them
	@tools/install build console test vm
	@tools/build release
	@tools/build debug
	@python3 tools/run-tests $(ARGS)

test-quick: ## unit tests and fuzz corpora only
	@tools/install build test
	@tools/build debug
	@python3 tools/run-tests unit fuzz

test-vm: ## boot Debian's kernel under qemu and run the sensor's tests there
	@tools/install build console test vm
	@tools/build release
	@tools/build debug
	@tests/vm/run $(ARGS)

bench: ## measure: all, or AREA=agent|sensor|expr|store|record; writes build/bench/AREA.json
	@tools/install build console test
	@tools/build release
	@python3 tools/run-bench $(AREA)

lint: ## format, floors, analyzers, console's linter and type check
	@tools/install build console test lint
	@tools/lint

fuzz: ## every fuzz target for SECONDS (default 60) each
	@tools/install build test
	@tools/build fuzz
	@tools/run-fuzz $(or $(SECONDS_EACH),60)

format: ## clang-format over the C sources
	@tools/install lint
	@git ls-files '*.c' '*.h' | xargs clang-format -i

install: build ## executable to PREFIX/bin (default /usr/local)
	@install -D -m 0755 $(BUILD)/release/skep $(DESTDIR)$(or $(PREFIX),/usr/local)/bin/skep
	@echo "installed $(DESTDIR)$(or $(PREFIX),/usr/local)/bin/skep"

clean: ## remove build/
	@rm -rf $(BUILD) web/node_modules web/src/api/types.gen.ts
