# Everything a newcomer needs: `make demo` to see it work, `make test` to run the tests.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv --quiet --no-python-downloads
EXTRAS := cli duckdb fsspec metrics parquet progress zstd

.PHONY: demo test check coverage generate wheel lowest versions docs screenshots bench clean

demo: $(VENV)/.installed
	$(BIN)/python docs/examples/demo.py

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest

check: $(VENV)/.installed-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/python proto/generate.py --check
	@if [ -e ../shared/contract/check_wire.py ]; then \
		$(BIN)/python ../shared/contract/check_wire.py proto; \
	else echo "no contract beside this checkout: wire check skipped"; fi

generate: $(VENV)/.installed-dev
	$(BIN)/python proto/generate.py

# Build the source distribution, and the wheel from it. Then prove the wheel alone: installed into a
# clean environment, used from elsewhere, first without extras and then with the terminal.
wheel: $(VENV)/.installed-dev
	rm -rf build/lib dist build/clean
	$(BIN)/python -m build --outdir dist . >/dev/null
	$(BIN)/twine check --strict dist/*
	$(PYTHON) -m venv build/clean
	build/clean/bin/python -m pip install --quiet dist/*.whl
	cd / && $(CURDIR)/build/clean/bin/python $(CURDIR)/tests/wheel_check.py $(CURDIR)/dist/*.whl
	build/clean/bin/python -m pip install --quiet "$$(echo dist/*.whl)[cli]"
	cd / && $(CURDIR)/build/clean/bin/python $(CURDIR)/tests/wheel_check.py $(CURDIR)/dist/*.whl cli

# The tests with the oldest dependencies that setup.cfg allows, or some of them: TESTS=tests/audit.
# What else the tests need is new, whatever versions of our dependencies it asks for.
lowest: $(VENV)/.installed-dev
	mkdir -p build && echo grpcio-tools > build/not-lowest.txt  # its newest code needs its newest protobuf
	$(UV) venv --clear --python $(BIN)/python build/lowest
	$(UV) pip compile setup.cfg --resolution lowest-direct --python build/lowest --no-header \
		--no-annotate $(EXTRAS:%=--extra %) --output-file build/lowest.txt >/dev/null
	$(UV) pip install --python build/lowest --override build/lowest.txt \
		--excludes build/not-lowest.txt --editable '.[dev]'
	build/lowest/bin/python -m pytest -q $(TESTS)

# The tests with every newer Python that this machine has, pyenv's included.
versions: export PATH := $(subst $() $(),:,$(wildcard $(HOME)/.pyenv/versions/3.1[2-9]*/bin)):$(PATH)
versions: $(VENV)/.installed-dev
	@set -e; for version in 3.12 3.13 3.14; do \
		$(UV) python find $$version >/dev/null 2>&1 || { echo "no Python $$version here"; continue; }; \
		echo "Python $$version"; \
		$(UV) venv --clear --python $$version build/python$$version; \
		$(UV) pip install --python build/python$$version --editable '.[dev]'; \
		build/python$$version/bin/python -m pytest -q $(TESTS); \
	done

# The documentation site, in build/docs. Warnings are errors; then the pages are looked through.
docs: $(VENV)/.installed-dev
	$(BIN)/python -m docs.website build/docs-source
	$(BIN)/sphinx-build -W --keep-going -n -q -c docs build/docs-source build/docs
	$(BIN)/python -m docs.website.check build/docs

# The pictures of the terminal that the documentation has.
screenshots: $(VENV)/.installed-dev
	GRPC_ENABLE_FORK_SUPPORT=0 $(BIN)/python -m docs.website.screenshots

# Lines and branches of both packages that the tests reach, generated code aside.
coverage: $(VENV)/.installed-dev
	rm -f .coverage*
	$(BIN)/coverage run -m pytest -q
	$(BIN)/coverage combine -q
	$(BIN)/coverage report

bench: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) build dist *.egg-info

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python setup.cfg
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.installed-dev: $(VENV)/bin/python setup.cfg
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@ $(VENV)/.installed
