# SPDX-License-Identifier: AGPL-3.0-or-later
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run test build shots bench fuzz claims vuln clean

# How long `make fuzz` tries each target.
FUZZTIME ?= 5m

help: ## show this
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 16

run: build ## start a server at http://localhost:8440, data in ./data
	@exec bin/clariond serve

test: ## check everything; ends with "clarion: N passed, N failed"
	@scripts/need-go
	@scripts/busy 'building the test program' go build -o bin/clarion-test ./scripts/test
	@exec bin/clarion-test

build: ## leave bin/clariond and bin/clarion
	@scripts/need-go
	@mkdir -p bin
	@scripts/busy 'building the web app' go run ./scripts/web
	@scripts/busy 'building bin/clariond and bin/clarion' go build -trimpath -o bin/ ./cmd/clariond ./cmd/clarion

shots: build ## photograph every screen of the web app into web/shots
	@cd web; status=0; node_modules/.bin/playwright test || status=$$?; node scripts/shots.mjs; exit $$status

bench: ## measure against a bare relay, and the web app in a browser
	@scripts/need-go
	@scripts/busy 'building the web app' go run ./scripts/web
	@scripts/busy 'building the measurement' go build -o bin/clarion-bench ./bench
	@exec bin/clarion-bench

fuzz: ## try every fuzz target for FUZZTIME (5m)
	@scripts/need-go
	@scripts/busy 'building the test program' go build -o bin/clarion-test ./scripts/test
	@exec bin/clarion-test -fuzz $(FUZZTIME)

claims: ## break each fact that a sentence about privacy stands on: its test must fail
	@scripts/need-go
	@scripts/busy 'building the program that breaks' go build -o bin/clarion-claims ./scripts/claims
	@exec bin/clarion-claims

vuln: ## look our dependencies up in Go's vulnerability database (needs the network)
	@scripts/need-go
	@scripts/busy 'building govulncheck' go build -C tools -o ../bin/govulncheck golang.org/x/vuln/cmd/govulncheck
	@exec bin/govulncheck ./...

clean: ## remove what was built; ./data stays
	rm -rf bin .cache/web/page web/dist-core web/shots web/test-results
	find web/dist -mindepth 1 ! -name .keep -delete
