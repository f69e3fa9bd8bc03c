# Every target makes its own .venv with plain venv and pip; nothing else is needed than Python 3.11+ and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed-dev
DOCS := $(VENV)/.installed-docs
WORKERS ?= 2
MUTANTS ?= 2

.PHONY: versions conformance benchmarks fuzz test redis slow browser docs docs-serve pages pictures mutants mutation vectors vector-mutants vectors-published external lint types interop wheel docs-generated clean

conformance: $(STAMP)  ## run the conformance suite against the built-in reference, its server over real HTTP
	$(BIN)/nen-ref conformance

versions: $(STAMP)  ## the same for V2 and V3
	$(BIN)/nen-ref conformance --protocol v2
	$(BIN)/nen-ref conformance --protocol v3

# By default each worker gets every other test, and so both make what the tests of a module share.
test: $(STAMP)  ## run the tests
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -q -m "not interop and not browser and not redis" --external-check=docs/external.md --durations=12

redis: $(STAMP)  ## the stores that servers share (needs Debian's redis-server)
	$(BIN)/python -m pytest -n $(WORKERS) -q -m redis

browser: $(DOCS)  ## the reports, the site and the playground in Chromium (needs Debian's chromium and npm)
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -q -m browser

docs: pages  ## the site, into site/ (needs npm)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

docs-serve: pages  ## the site on http://127.0.0.1:8000
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve

pages: $(DOCS)
	$(BIN)/python -m docs.make

pictures: $(DOCS)  ## the pictures of the README, from a real run (needs Debian's chromium)
	$(BIN)/python -m docs.make.pictures

benchmarks: $(STAMP)  ## measure everything anew, for docs/benchmarks.md (ten minutes on a machine that does nothing else)
	$(BIN)/nen-ref bench all --json docs/benchmarks.json

mutants: $(STAMP)  ## broken implementations, each against the cases that concern it; ALL=1: against every case; PART=1/2
	mkdir -p build
	$(BIN)/nen-ref conformance mutants $(if $(ALL),,--related) $(if $(PART),--part $(PART)) --jobs $(MUTANTS) --json build/mutants.json --docs build/mutants.md
	$(if $(PART),true,diff -u docs/mutants.md build/mutants.md) || echo "docs/mutants.md is of another state: copy build/mutants.md there"

vectors: $(STAMP)  ## the checked-in vectors are what the seed gives, and every witness agrees
	$(BIN)/nen-ref vectors generate --check --transcripts 100
	$(BIN)/nen-ref vectors verify --transcripts 1000
	$(BIN)/nen-ref vectors verify --provider pycryptodome --transcripts 1000

vector-mutants: $(STAMP)  ## every broken library is killed by a vector
	$(BIN)/nen-ref vectors mutants --first

external: $(STAMP)  ## write docs/external.md: which published test data passed
	$(BIN)/python -m pytest tests/primitives -n $(WORKERS) -q --external-table=docs/external.md

vectors-published: $(STAMP) tests/interop/node/node_modules  ## write vectors/ anew, with Node as a witness (ten minutes)
	$(BIN)/nen-ref vectors generate --harness "node tests/interop/node/harness.mjs"
	$(BIN)/nen-ref vectors mutants --docs docs/vector-mutants.md

fuzz: $(STAMP)  ## a million inputs; SEED=N for others
	$(BIN)/python -m tests.fuzz --inputs 1000000 --seed $(or $(SEED),1)

docs-generated: $(STAMP)  ## write what is generated under docs/ (the kill matrix: nen-ref conformance mutants --docs)
	$(BIN)/python docs/regenerate.py

slow: $(STAMP)  ## the long accumulated tests
	$(BIN)/python -m pytest -n $(WORKERS) -q --slow -m slow
	$(BIN)/nen-ref vectors verify --provider pycryptodome --transcripts 10000

mutation: $(STAMP)  ## mutmut: what survives is what tests/mutation/survivors.toml explains (ALL=1 for every mutant)
	$(BIN)/python tests/mutation/check.py $(if $(ALL),--all) --jobs $(WORKERS)

lint: $(STAMP)
	$(BIN)/ruff check .

types: $(STAMP)
	$(BIN)/mypy
	MYPYPATH=. $(BIN)/mypy --explicit-package-bases docs/make/*.py docs/playground/*.py

interop: $(STAMP) tests/interop/node/node_modules tests/interop/wasm/node_modules  ## foreign implementations (needs Node 20 and npm)
	$(BIN)/python -m pytest -n $(WORKERS) -q -m interop

tests/interop/%/node_modules: tests/interop/%/package.json
	cd tests/interop/$* && npm install --no-package-lock --no-audit --no-fund --loglevel=error
	touch $@

wheel: $(STAMP)  ## build the wheel and try it in an empty environment
	rm -rf dist build/wheel-venv
	$(BIN)/python -m build --wheel --outdir dist .
	$(PYTHON) -m venv build/wheel-venv
	build/wheel-venv/bin/python -m pip install --quiet dist/*.whl
	cd build && wheel-venv/bin/nen-ref conformance list > wheel-cases.txt && wheel-venv/bin/nen-ref explain ISO-3002 > /dev/null
	cd build && wheel-venv/bin/nen-ref conformance --only v1/wire --html wheel-report.html > /dev/null
	cd build && wheel-venv/bin/nen-ref vectors verify --only v1/payload > /dev/null
	rm -rf build/wheel-vectors && cd build && wheel-venv/bin/nen-ref vectors export wheel-vectors > /dev/null
	diff -r vectors build/wheel-vectors
	@echo "the wheel works on its own: $$(grep -c '^v1/' build/wheel-cases.txt) cases listed"

$(STAMP): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("nen-ref needs Python 3.11 or later, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

$(DOCS): $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,docs]'
	touch $@

clean:
	rm -rf $(VENV) build dist site mutants .mypy_cache .pytest_cache .ruff_cache .hypothesis
