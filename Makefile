# The menu: `make` prints it. Every target installs what it needs under target/ and nothing anywhere else.
CARGO ?= cargo
PYTHON ?= python3
PORT ?= 4566
export CARGO PYTHON

# Cargo's own variable decides where compiled code goes; all else lives in target/.
CARGO_TARGET := $(or $(CARGO_TARGET_DIR),target)
BOOTSTRAP := $(CARGO_TARGET)/debug/bootstrap
# The same features and targets everywhere: then the AWS SDK is compiled once for all of demo, test and sandbox.
EVERYTHING := --workspace --all-features --locked
TOOLS := target/venv/tools/bin
SANDBOX := target/venv/sandbox/bin
OPENSEARCH := target/venv/opensearch/bin
PYTEST := python -B -m pytest -q

.DEFAULT_GOAL := menu
.PHONY: menu demo demo-network test test-crates test-sandbox test-nat test-data test-scenarios bench-data nodes check check-crates check-templates package sandbox clean
.PHONY: rust python compiler formatter maven build dev-zip

menu:
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1|\2/p' $(MAKEFILE_LIST) | awk -F '|' '{ printf "%-19s%s\n", $$1, $$2 }'

demo: nodes dev-zip $(SANDBOX)/.installed $(TOOLS)/.installed ## connect two domains on a local AWS, see documents follow and proved equal, take it all down
	@PYTHONPATH=tests $(TOOLS)/python -B -m demo

demo-network: dev-zip $(SANDBOX)/.installed $(TOOLS)/.installed ## the same in VPCs of two accounts and Regions: a NAT that wakes, a peering, every flow
	@PYTHONPATH=tests $(TOOLS)/python -B -m demo.network

test: test-crates test-sandbox test-nat test-data test-scenarios ## run every test: crates, sandbox, NAT, data, scenarios, demos

test-crates: build
	$(CARGO) test $(EVERYTHING) --no-fail-fast

test-sandbox: $(SANDBOX)/.installed
	$(SANDBOX)/$(PYTEST) tests/sandbox

test-nat: $(TOOLS)/.installed
	@tests/nat/tools.sh
	$(TOOLS)/$(PYTEST) tests/nat

# More workers than processors: they wait more than they compute, and each has two nodes of its own.
test-data: nodes dev-zip $(SANDBOX)/.installed $(TOOLS)/.installed
	$(SANDBOX)/$(PYTEST) -n 3 --dist loadfile tests/opensearch
	$(TOOLS)/$(PYTEST) -n 5 tests/replication
	$(TOOLS)/$(PYTEST) -n 3 --dist loadgroup tests/launches

test-scenarios: nodes dev-zip $(SANDBOX)/.installed $(TOOLS)/.installed
	$(TOOLS)/$(PYTEST) -n 4 --dist loadgroup tests/scenarios tests/reachability tests/demo tests/package

# The zip's program is beside the command's: one build makes both.
bench-data: nodes dev-zip $(SANDBOX)/.installed ## measure comparisons of 10,000 and 100,000 documents; SIZES="1000000" for others
	@PYTHONPATH=tests $(SANDBOX)/python -B -m bench.data $(if $(SIZES),--sizes $(SIZES))

check: check-crates check-templates ## check format, lints, templates and the shape of the tree

check-crates: rust compiler formatter
	$(CARGO) fmt --all --check
	RUSTC_WORKSPACE_WRAPPER=$(CURDIR)/tests/clippy.sh $(CARGO) build $(EVERYTHING) --all-targets

check-templates: rust formatter $(TOOLS)/.installed
	$(TOOLS)/$(PYTEST) tests/templates tests/tree

package: rust python compiler target/venv/package/bin/.installed ## build the release zips, and measure size, start and memory
	@$(PYTHON) -B tests/package/release.py target/venv/package/bin/cargo-lambda $(CARGO_TARGET) target/package

# Looks every time, because OPENSEARCH_HOME and REPLICATION_PLUGIN may say something else than the last time.
nodes: maven $(OPENSEARCH)/.installed ## assemble the OpenSearch nodes of the data tests, once
	@PYTHONPATH=tests $(OPENSEARCH)/python -B -m opensearch.assembly target/opensearch

sandbox: nodes dev-zip $(SANDBOX)/.installed $(TOOLS)/.installed ## run the local AWS and two OpenSearch nodes in the foreground, on PORT=4566
	@PYTHONPATH=tests $(TOOLS)/python -B -m demo.foreground --port $(PORT)

clean: ## remove everything that was built or installed here
	rm -rf target

rust python compiler formatter maven:
	@tests/prerequisites.sh $@

build: rust compiler
	@$(CARGO) build $(EVERYTHING) --all-targets

# Python first: it is a pity to miss it only after minutes of compiling.
dev-zip: python build
	@$(PYTHON) -B tests/package/archive.py --strip $(BOOTSTRAP) target/package/tandem-dev.zip

target/venv/%/bin/.installed: tests/requirements/%.txt | python
	@echo "Installing $< into target/venv/$*"
	@$(PYTHON) -m venv --clear target/venv/$*
	@target/venv/$*/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@
