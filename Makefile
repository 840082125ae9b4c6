# Go, make and git are all that is needed. CGO is used by `go test -race` alone.
GO ?= go
PLUGINS := $(patsubst %/manifest.json,%,$(wildcard plugins/*/manifest.json))
BIN := bin/ripen
export GOFLAGS ?= -buildvcs=false

.DEFAULT_GOAL := help
.PHONY: sdks partners bench-guests help demo test race test-mutants plugins build check fmt vet requirements bench-step bench-drain bench-drain-cold bench-state bench-ingest bench-swap bench-traps bench-backtest torture torture-shadow torture-cluster clean bench-plan bench-rescore fuzz-plugins bench-plugins

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "%-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: build ## score a small day of events and show every decision with its reasons
	$(BIN) demo

build: plugins ## build bin/ripen with the shipped plugins inside
	CGO_ENABLED=0 $(GO) build -trimpath -o $(BIN) ./cmd/ripen

plugins: ## build plugins/* to WASM and pack each with its manifest
	$(GO) run ./engine/internal/mkplugins -cache build/plugin-cache -out build/plugins -embed engine/registry/builtin/wasm $(PLUGINS)
	$(GO) run ./engine/internal/mkplugins -cache build/plugin-cache -out build/examples sdk/examples/quotesize sdk/examples/traplike sdk/conformance/testdata/spoiled engine/wasm/testdata/guest

test: check race ## all that a change must pass: format, vet, tests with the race detector

check: plugins fmt vet ## format and vet

race:
	$(GO) test -race -shuffle=on -timeout 30m ./...

fmt:
	@out=$$(gofmt -l .); if [ -n "$$out" ]; then echo "not formatted, run gofmt -w:"; echo "$$out"; exit 1; fi

vet:
	$(GO) vet ./...
	GOOS=wasip1 GOARCH=wasm $(GO) vet ./sdk ./sdk/abi $(addprefix ./,$(PLUGINS))

test-mutants: plugins ## change each number of the shipped workflows by one: their tests must fail
	MUTANTS=all $(GO) test -count=1 -v -run '^TestMutants' ./engine

sdks: plugins ## build and test the SDKs of C, Rust and AssemblyScript and compare with testdata/modules; UPDATE=1 keeps what was built
	sh sdk/build.sh
	$(GO) test -count=1 ./sdk/langtest

partners: build ## go a partner's way in each language (LANGS), in an empty folder: all must say the same on the demo stream; a table of what each costs
	sh sdk/partners.sh

bench-guests: plugins ## 10,000,000 events (EVENTS) scored by guests that allocate on every call, within 16 MiB
	EVENTS=$(EVENTS) $(GO) test -run '^$$' -bench '^BenchmarkGreedy$$' -benchtime 1x -timeout 120m ./sdk/langtest

fuzz-plugins: ## load and run MUTANTS (default 20000) mutants of modules and manifests, chosen by SEED: nothing may crash, hang or stay behind
	MUTANTS=$(or $(MUTANTS),20000) SEED=$(or $(SEED),1) $(GO) test -count=1 -timeout 60m -v -run '^TestMutants$$' ./sdk/conformance

bench-plugins: plugins ## what the shipped plugins cost, compared with testdata/plugins/bench.json (fuel exactly, time as a ratio)
	$(GO) run ./cmd/ripen plugin bench --shipped --baseline testdata/plugins/bench.json

requirements: ## list each requirement with the tests that prove it
	$(GO) run ./engine/internal/requirements

RUNS ?= 300
SEED ?= $(shell date +%s)

torture: plugins ## kill engine and server RUNS times on a schedule of SEED; ROUND=n plays one round again
	$(GO) run ./engine/internal/torture/cmd -runs $(RUNS) -seed $(SEED) $(if $(ROUND),-round $(ROUND)) $(if $(FAULTS),-faults $(FAULTS))

bench-step: plugins ## one step against native Go, expr-lang and cel-go, in one run
	cd testdata/bench && $(GO) run .

bench-drain: build ## events a second through the whole engine, against bare reading
	CGO_ENABLED=0 $(GO) test -run '^$$' -bench '^BenchmarkDrain$$' -benchtime 1x -timeout 30m ./engine

bench-drain-cold: build ## the same with a million leads of which a tenth fits into memory
	CGO_ENABLED=0 $(GO) test -run '^$$' -bench '^BenchmarkDrainCold$$' -benchtime 1x -timeout 30m ./engine

bench-state: plugins ## memory and disk of LEADS leads (default 5000000), and a restart against scoring again
	LEADS=$(LEADS) CGO_ENABLED=0 $(GO) test -run '^$$' -bench '^BenchmarkState$$' -benchtime 1x -timeout 60m ./engine

bench-backtest: plugins ## ripen score, backtest and plan on the same events, by processor time, with PASS or FAIL
	$(GO) test -run '^$$' -bench Backtest -benchtime 5x ./cmd/ripen

bench-plan: bench-backtest ## the same as bench-backtest

bench-rescore: plugins ## time to score LEADS leads with EVENTS events again (default 100000 and 2000000; LEADS=1000000 EVENTS=20000000)
	LEADS=$(LEADS) EVENTS=$(EVENTS) CGO_ENABLED=0 $(GO) test -run '^$$' -bench '^BenchmarkRescore$$' -benchtime 1x -timeout 60m ./engine

bench-swap: plugins ## SWAPS switches (default 1000) under full load between four releases with different plugin binaries
	SWAPS=$(SWAPS) CGO_ENABLED=0 $(GO) test -run '^$$' -bench '^BenchmarkSwap$$' -benchtime 1x -timeout 30m ./engine

bench-traps: plugins ## a partner's plugin in C, and one in Go, that traps on one event in a thousand, against the same stream without traps
	CGO_ENABLED=0 $(GO) test -run '^$$' -bench '^BenchmarkTraps$$' -benchtime 1x -timeout 30m ./engine

bench-ingest: plugins ## durable events a second at the door against plain publishing, and latency to the decision
	$(GO) run ./engine/internal/ingestbench

torture-shadow: plugins ## ROUNDS (default 50) of shadow, promote and rollback under load against what plan foretold, chosen by SEED
	ROUNDS=$(or $(ROUNDS),50) SEED=$(SEED) $(GO) test -count=1 -timeout 60m -v -run '^TestShadow_PromotedAndRolledBackUnderLoad$$' ./engine

torture-cluster: plugins ## two engines on three NATS servers for SECONDS, leaders stepping down, engines killed; SEED chooses the instants
	CLUSTER_SECONDS=$(or $(SECONDS),120) CLUSTER_SEED=$(or $(SEED),1) $(GO) test -count=1 -timeout 60m -v -run '^TestCluster$$' ./engine/internal/cluster

clean: ## remove what was built
	rm -rf build bin engine/registry/builtin/wasm/*.wasm
