# Nothing but Go and make is needed; the linters and the real servers are built
# from Go modules at pinned versions (testdata/tools, testdata/stack).
GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo development)
STACK   ?= $(or $(WHEELHOUSE_STACK),$(or $(TMPDIR),/tmp)/wheelhouse-stack)

# One set of flags for everything: the console, the tests, the linters and the
# servers then share what they have in common in the build cache. Nobody debugs the
# fifty test binaries that are linked anew each time; without what a debugger wants
# that takes half as long.
export CGO_ENABLED := 0
export GOFLAGS := -trimpath -ldflags=-s $(GOFLAGS)
export WHEELHOUSE_STACK := $(STACK)
export WHEELHOUSE_KUBECONFIG := $(STACK)/kubeconfig

LINK      := -ldflags "-s -w -X main.version=$(VERSION)"
PACKAGES  := ./... ./testdata/bench ./testdata/picture
REAL      := ./backend/link ./backend/adapters/... ./backend/sandbox/... ./cmd/... ./testdata/real
TOOL      := $(GO) tool -modfile=$(CURDIR)/testdata/tools/go.mod
SERVERS   := cd testdata/stack && $(GO) run ./cmd/stack
# With ALL=1 the servers that no cluster brings are tested on too: all but InfluxDB and machines want Java 17 and
# Maven, and a client that is no Go of ours drives the sandbox, for which Python is wanted.
PARTS     := $(if $(ALL),services machines elastic influx hudson)
SKIP      := $(if $(ALL),,-skip '^TestReal(Breakers|Machines|Elastic|Influx|Hudson|Python)')
PLATFORMS := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64

.PHONY: run build test race test-real bench lint stack-up stack-down release frame-picture

run: build ## the console on the embedded world; ARGS="--drill bad-canary" are its flags
	@./wheelhouse demo $(ARGS)

build: ## ./wheelhouse
	@test -e wheelhouse || echo "The first build takes some minutes: all that wheelhouse is made of is fetched and compiled."
	$(GO) build $(LINK) -o wheelhouse ./cmd/wheelhouse

test: ## every test that needs nothing running
	$(GO) test $(TESTFLAGS) $(PACKAGES)

race: ## the same tests under the race detector, which needs a C compiler
	CGO_ENABLED=1 $(GO) test -race $(TESTFLAGS) $(PACKAGES)

test-real: stack-up ## the tests that want real servers: TestReal… in files with the build tag real; ALL=1: with all servers
	$(GO) test $(TESTFLAGS) -tags real -run '^TestReal' $(SKIP) -count 1 -p 1 -timeout 30m $(REAL)

bench: stack-up build ## beside kubectl, on 10,112 pods of a real control plane
	$(STACK)/stack load a 10112
	$(GO) run ./testdata/bench

lint: ## golangci-lint with gofumpt, and govulncheck
	$(TOOL) golangci-lint run --build-tags real $(PACKAGES) ./testdata/real
	cd testdata/stack && $(TOOL) golangci-lint run --config $(CURDIR)/.golangci.yml
	@out=$$($(TOOL) govulncheck ./cmd/... 2>&1) || case $$out in \
	  *"fetching vulnerabilities"*) echo "govulncheck: its database is out of reach, nothing was checked" >&2;; \
	  *) printf '%s\n' "$$out" >&2; exit 1;; \
	esac

stack-up: ## two real clusters on loopback, and with ALL=1 what is beside them; prints their kubeconfig
	@$(SERVERS) up $(PARTS)

stack-down:
	@$(SERVERS) down

release: ## static binaries for all platforms, with their checksums, in dist/
	rm -rf dist && mkdir dist
	@set -e; for p in $(PLATFORMS); do \
	  name=dist/wheelhouse-$(VERSION)-$${p%/*}-$${p#*/}; case $$p in windows/*) name=$$name.exe;; esac; \
	  echo $$name; GOOS=$${p%/*} GOARCH=$${p#*/} $(GO) build $(LINK) -o $$name ./cmd/wheelhouse; \
	done
	cd dist && sha256sum wheelhouse-* > SHA256SUMS

frame-picture: stack-up build ## docs/screen.svg: the real screen, as the README shows it
	mkdir -p docs
	TERM=xterm-256color COLORTERM=truecolor XDG_STATE_HOME=$$(mktemp -d) ./wheelhouse --kubeconfig $(WHEELHOUSE_KUBECONFIG) --context a --context b \
	  frame pods --size 132x34 --keys S --ansi | $(GO) run ./testdata/picture -width 132 > docs/screen.svg
